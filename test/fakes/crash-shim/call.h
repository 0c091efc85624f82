/*
 * What is done round each call that the shim sees: where it goes, whether it meets the fault, and its line in the log.
 *
 * SLIPWAY_SHIM_ROOT the folder; _LOG where each call makes one line of JSON; _SHARED a file of 4096 zeros for the count and
 * the lock; _AT the call that meets the fault, from 1 on; _FAULT kill, EIO, ENOSPC, full, EROFS or short.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

/* What libc itself has under this name. In this file nothing else may go through a wrapper: it would wait for itself. */
#define REAL(name) \
  ({ \
    static __typeof__(&name) found; \
    found != NULL ? found : (found = (__typeof__(&name))dlsym(RTLD_NEXT, #name)); \
  })

static struct {
  atomic_int lock;
  atomic_int calls;
} *shared;
static const char *root, *fault;
static size_t root_length;
static int fault_at, log_descriptor = -1;

struct call {
  const char *name;
  char file[PATH_MAX], second[PATH_MAX];
  int descriptor;
  int number;
  bool is_ours, was_there;
};

static const char *setting(const char *name) {
  const char *value = getenv(name);
  return value == NULL ? "" : value;
}

__attribute__((constructor)) static void prepare(void) {
  root = setting("SLIPWAY_SHIM_ROOT");
  root_length = strlen(root);
  fault = setting("SLIPWAY_SHIM_FAULT");
  fault_at = atoi(setting("SLIPWAY_SHIM_AT"));
  int count = REAL(open)(setting("SLIPWAY_SHIM_SHARED"), O_RDWR | O_CLOEXEC);
  if (root_length == 0 || count < 0) return;
  log_descriptor = REAL(open)(setting("SLIPWAY_SHIM_LOG"), O_WRONLY | O_APPEND | O_CLOEXEC);
  void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, count, 0);
  close(count);
  if (log_descriptor >= 0 && page != MAP_FAILED) shared = page;
}

/* --- Paths --- */

static bool is_below(const char *file) {
  return strncmp(file, root, root_length) == 0 && (file[root_length] == '/' || file[root_length] == 0);
}

static void path_of_descriptor(char *out, int descriptor) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, out, PATH_MAX - 1);
  out[length < 0 ? 0 : length] = 0;
}

/* Links in the folders are followed, the last name is not. */
static void path_of_name(char *out, int folder, const char *name) {
  char joined[PATH_MAX], parent[PATH_MAX];
  if (name[0] == '/') snprintf(joined, sizeof joined, "%s", name);
  else {
    if (folder == AT_FDCWD) parent[0] = 0, getcwd(parent, sizeof parent);
    else path_of_descriptor(parent, folder);
    snprintf(joined, sizeof joined, "%.2000s/%.2000s", parent, name);
  }
  size_t length = strlen(joined);
  while (length > 1 && joined[length - 1] == '/') joined[--length] = 0;
  char *last = strrchr(joined, '/');
  *last = 0;
  if (realpath(last == joined ? "/" : joined, parent) == NULL) snprintf(parent, sizeof parent, "%s", joined);
  snprintf(out, PATH_MAX, "%.2000s/%.2000s", parent, last + 1);
}

/* --- The log --- */

struct line {
  char *text;
  size_t length, room;
};

static void add(struct line *line, const char *format, ...) {
  va_list values;
  va_start(values, format);
  int length = vsnprintf(line->text + line->length, line->room - line->length, format, values);
  va_end(values);
  if (length > 0) line->length += (size_t)length;
}

static void add_bytes(struct line *line, int descriptor, off_t at, size_t count) {
  char own[64];
  unsigned char bytes[4096];
  snprintf(own, sizeof own, "/proc/self/fd/%d", descriptor);
  // The descriptor itself may be for writing alone.
  int reader = REAL(open)(own, O_RDONLY | O_CLOEXEC);
  add(line, ",\"at\":%lld,\"hex\":\"", (long long)at);
  for (size_t done = 0; done < count;) {
    ssize_t taken = pread(reader, bytes, count - done < sizeof bytes ? count - done : sizeof bytes, at + (off_t)done);
    if (taken <= 0) break;
    for (ssize_t each = 0; each < taken; each++) add(line, "%02x", bytes[each]);
    done += (size_t)taken;
  }
  add(line, "\"");
  if (reader >= 0) close(reader);
}

/* Paths of the tests have nothing in them that JSON would have to escape. */
static void tell(struct call *call, const char *what, long long value, off_t at, size_t count) {
  struct line line = {.room = 3 * PATH_MAX + 2 * count};
  line.text = malloc(line.room);
  add(&line, "{\"number\":%d,\"pid\":%d,\"call\":\"%s\"", call->number, getpid(), call->name);
  add(&line, ",\"file\":\"%s\",\"second\":\"%s\",\"%s\":%lld", call->file, call->second, what, value);
  struct stat now;
  bool is_there = call->descriptor >= 0 ? fstat(call->descriptor, &now) == 0 : lstat(call->file, &now) == 0;
  if (is_there) add(&line, ",\"mode\":%u,\"size\":%lld", now.st_mode & 07777, (long long)now.st_size);
  add(&line, ",\"wasThere\":%s", call->was_there ? "true" : "false");
  if (count > 0) add_bytes(&line, call->descriptor, at, count);
  add(&line, "}\n");
  REAL(write)(log_descriptor, line.text, line.length);
  free(line.text);
}

/* --- What happens before and after each call --- */

/* Takes no block and no inode, so that a full disk lets it through. */
static bool is_free(const char *name) {
  const char *free_calls = " rename unlink rmdir fsync chmod chown utimes truncate ";
  char word[64];
  snprintf(word, sizeof word, " %s ", name);
  return strstr(free_calls, word) != NULL;
}

static int error_of(const struct call *call) {
  bool is_here = call->number == fault_at, is_since = fault_at > 0 && call->number >= fault_at;
  if (is_here && strcmp(fault, "EIO") == 0) return EIO;
  if (is_here && strcmp(fault, "ENOSPC") == 0) return ENOSPC;
  if (is_since && strcmp(fault, "EROFS") == 0) return EROFS;
  if (is_since && strcmp(fault, "full") == 0 && !is_free(call->name)) return ENOSPC;
  return 0;
}

static void let_go(struct call *call) {
  if (call->is_ours) atomic_store(&shared->lock, 0);
}

/* Returns false where the call is not to be made; errno says why. */
static bool begin(struct call *call) {
  call->is_ours = shared != NULL && (is_below(call->file) || is_below(call->second));
  if (!call->is_ours) return true;
  while (atomic_exchange(&shared->lock, 1)) sched_yield();
  call->number = atomic_fetch_add(&shared->calls, 1) + 1;
  struct stat now;
  call->was_there = call->descriptor < 0 && lstat(call->file, &now) == 0;
  if (call->number == fault_at && strcmp(fault, "kill") == 0) {
    tell(call, "killed", 1, 0, 0);
    kill(0, SIGKILL);
  }
  int error = error_of(call);
  if (error == 0) return true;
  tell(call, "failed", error, 0, 0);
  let_go(call);
  errno = error;
  return false;
}

/* Returns the result. Of a write there are bytes. */
static long end_at(struct call *call, long result, off_t at, size_t count) {
  int error = errno;
  if (call->is_ours) tell(call, result < 0 ? "error" : "result", result < 0 ? error : result, at, count);
  let_go(call);
  errno = error;
  return result;
}

static long end(struct call *call, long result) { return end_at(call, result, 0, 0); }

static size_t taken(const struct call *call, size_t count) {
  bool is_short = call->is_ours && fault_at > 0 && call->number >= fault_at && strcmp(fault, "short") == 0;
  return is_short && count > 1 ? count / 2 : count;
}

static off_t place_of(int descriptor) {
  struct stat now;
  bool is_appending = (fcntl(descriptor, F_GETFL) & O_APPEND) != 0;
  return is_appending && fstat(descriptor, &now) == 0 ? now.st_size : lseek(descriptor, 0, SEEK_CUR);
}

static struct call named(const char *name, int folder, const char *file) {
  struct call call = {.name = name, .descriptor = -1};
  path_of_name(call.file, folder, file);
  return call;
}

static struct call between(const char *name, int from_folder, const char *from, int folder, const char *to) {
  struct call call = named(name, folder, to);
  path_of_name(call.second, from_folder, from);
  return call;
}

static struct call linking(const char *name, const char *target, int folder, const char *file) {
  struct call call = named(name, folder, file);
  snprintf(call.second, sizeof call.second, "%s", target);
  return call;
}

static struct call opened(const char *name, int descriptor) {
  struct call call = {.name = name, .descriptor = descriptor};
  path_of_descriptor(call.file, descriptor);
  return call;
}
