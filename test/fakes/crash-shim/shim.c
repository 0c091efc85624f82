/*
 * Loaded before libc into a process and all that it starts: counts and logs each call that changes something below one
 * folder, and ends the processes before one of them, or lets calls fail or write half. Bytes that are written through
 * shared memory (mmap) make no call and are not seen.
 */
#define _GNU_SOURCE
#include "call.h"

/* --- Calls that name a file, two files, or an open one --- */

#define HERE AT_FDCWD
#define CALL(name, parameters, made, arguments) \
  int name parameters { \
    struct call call = made; \
    return begin(&call) ? (int)end(&call, REAL(name) arguments) : -1; \
  }
typedef const char *text;
typedef const struct timeval timevals[2];
typedef const struct timespec timespecs[2];

CALL(unlink, (text file), named("unlink", HERE, file), (file))
CALL(unlinkat, (int dir, text file, int flags), named("unlink", dir, file), (dir, file, flags))
CALL(rmdir, (text file), named("rmdir", HERE, file), (file))
CALL(remove, (text file), named("unlink", HERE, file), (file))
CALL(mkdir, (text file, mode_t mode), named("mkdir", HERE, file), (file, mode))
CALL(mkdirat, (int dir, text file, mode_t mode), named("mkdir", dir, file), (dir, file, mode))
CALL(chmod, (text file, mode_t mode), named("chmod", HERE, file), (file, mode))
CALL(fchmodat, (int dir, text file, mode_t mode, int flags), named("chmod", dir, file), (dir, file, mode, flags))
CALL(chown, (text file, uid_t uid, gid_t gid), named("chown", HERE, file), (file, uid, gid))
CALL(lchown, (text file, uid_t uid, gid_t gid), named("chown", HERE, file), (file, uid, gid))
CALL(fchownat, (int dir, text file, uid_t uid, gid_t gid, int flags), named("chown", dir, file),
     (dir, file, uid, gid, flags))
CALL(utimes, (text file, timevals times), named("utimes", HERE, file), (file, times))
CALL(lutimes, (text file, timevals times), named("utimes", HERE, file), (file, times))
CALL(truncate, (text file, off_t length), named("truncate", HERE, file), (file, length))
CALL(truncate64, (text file, off64_t length), named("truncate", HERE, file), (file, length))
CALL(rename, (text from, text to), between("rename", HERE, from, HERE, to), (from, to))
CALL(renameat, (int from_dir, text from, int dir, text to), between("rename", from_dir, from, dir, to),
     (from_dir, from, dir, to))
CALL(renameat2, (int from_dir, text from, int dir, text to, unsigned flags),
     between(flags & RENAME_EXCHANGE ? "exchange" : "rename", from_dir, from, dir, to), (from_dir, from, dir, to, flags))
CALL(link, (text from, text to), between("link", HERE, from, HERE, to), (from, to))
CALL(linkat, (int from_dir, text from, int dir, text to, int flags), between("link", from_dir, from, dir, to),
     (from_dir, from, dir, to, flags))
CALL(symlink, (text target, text file), linking("symlink", target, HERE, file), (target, file))
CALL(symlinkat, (text target, int dir, text file), linking("symlink", target, dir, file), (target, dir, file))
CALL(fsync, (int fd), opened("fsync", fd), (fd))
CALL(fdatasync, (int fd), opened("fsync", fd), (fd))
CALL(fchmod, (int fd, mode_t mode), opened("chmod", fd), (fd, mode))
CALL(fchown, (int fd, uid_t uid, gid_t gid), opened("chown", fd), (fd, uid, gid))
CALL(futimes, (int fd, timevals times), opened("utimes", fd), (fd, times))
CALL(futimens, (int fd, timespecs times), opened("utimes", fd), (fd, times))
CALL(ftruncate, (int fd, off_t length), opened("truncate", fd), (fd, length))
CALL(ftruncate64, (int fd, off64_t length), opened("truncate", fd), (fd, length))
CALL(fallocate, (int fd, int mode, off_t at, off_t length), opened("fallocate", fd), (fd, mode, at, length))
CALL(fallocate64, (int fd, int mode, off64_t at, off64_t length), opened("fallocate", fd), (fd, mode, at, length))

/* A null path means the descriptor itself. */
int utimensat(int dir, text file, timespecs times, int flags) {
  if (file == NULL) return futimens(dir, times);
  struct call call = named("utimes", dir, file);
  return begin(&call) ? (int)end(&call, REAL(utimensat)(dir, file, times, flags)) : -1;
}

/* The name is made inside of the call. */
char *mkdtemp(char *template) {
  struct call call = named("mkdir", HERE, template);
  if (!begin(&call)) return NULL;
  char *made = REAL(mkdtemp)(template);
  if (made != NULL) path_of_name(call.file, HERE, made);
  end(&call, made == NULL ? -1 : 0);
  return made;
}

/* --- Opening: for reading it is not told --- */

static int open_file(int folder, text file, int flags, mode_t mode) {
  if ((flags & (O_ACCMODE | O_CREAT | O_TRUNC)) == O_RDONLY) return REAL(openat)(folder, file, flags, mode);
  struct call call = named(flags & O_TRUNC ? "open to cut" : "open", folder, file);
  if (!begin(&call)) return -1;
  int descriptor = REAL(openat)(folder, file, flags, mode);
  // Where a link led to.
  if (descriptor >= 0 && call.is_ours) path_of_descriptor(call.file, descriptor);
  return (int)end(&call, descriptor);
}

#define OPENING(name, folder, parameters) \
  int name parameters { \
    va_list values; \
    va_start(values, flags); \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(values, mode_t) : 0; \
    va_end(values); \
    return open_file(folder, file, flags, mode); \
  }
OPENING(open, HERE, (text file, int flags, ...))
OPENING(open64, HERE, (text file, int flags, ...))
OPENING(openat, dir, (int dir, text file, int flags, ...))
OPENING(openat64, dir, (int dir, text file, int flags, ...))
int creat(text file, mode_t mode) { return open_file(HERE, file, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(text file, mode_t mode) { return open_file(HERE, file, O_CREAT | O_WRONLY | O_TRUNC, mode); }

/* --- Writing: what was written is read back --- */

#define WRITING(name, parameters, place, count, arguments) \
  ssize_t name parameters { \
    struct call call = opened("write", fd); \
    if (!begin(&call)) return -1; \
    off_t at = call.is_ours ? (place) : 0; \
    size_t some = taken(&call, count); \
    ssize_t done = REAL(name) arguments; \
    return end_at(&call, done, at, call.is_ours && done > 0 && some > 0 ? (size_t)done : 0); \
  }
WRITING(write, (int fd, const void *bytes, size_t count), place_of(fd), count, (fd, bytes, some))
WRITING(pwrite, (int fd, const void *bytes, size_t count, off_t to), to, count, (fd, bytes, some, to))
WRITING(pwrite64, (int fd, const void *bytes, size_t count, off64_t to), to, count, (fd, bytes, some, to))
/* A short one takes the first half of the parts. */
WRITING(writev, (int fd, const struct iovec *parts, int count), place_of(fd), (size_t)count, (fd, parts, (int)some))
WRITING(pwritev, (int fd, const struct iovec *parts, int count, off_t to), to, (size_t)count,
        (fd, parts, (int)some, to))
WRITING(pwritev64, (int fd, const struct iovec *parts, int count, off64_t to), to, (size_t)count,
        (fd, parts, (int)some, to))
WRITING(sendfile, (int fd, int from, off_t *start, size_t count), place_of(fd), count, (fd, from, start, some))
WRITING(sendfile64, (int fd, int from, off64_t *start, size_t count), place_of(fd), count, (fd, from, start, some))
WRITING(copy_file_range, (int from, off64_t *start, int fd, off64_t *to, size_t count, unsigned flags),
        to == NULL ? place_of(fd) : *to, count, (from, start, fd, to, some, flags))

int ioctl(int fd, unsigned long request, ...) {
  va_list values;
  va_start(values, request);
  void *argument = va_arg(values, void *);
  va_end(values);
  if (request != FICLONE) return REAL(ioctl)(fd, request, argument);
  struct call call = opened("write", fd);
  if (!begin(&call)) return -1;
  int result = REAL(ioctl)(fd, request, argument);
  struct stat now;
  return (int)end_at(&call, result, 0, result == 0 && fstat(fd, &now) == 0 ? (size_t)now.st_size : 0);
}

/* --- The same calls by their numbers --- */

long syscall(long number, ...) {
  va_list values;
  va_start(values, number);
  long a[6];
  for (int each = 0; each < 6; each++) a[each] = va_arg(values, long);
  va_end(values);
  switch (number) {
    case SYS_copy_file_range:
      return copy_file_range((int)a[0], (off64_t *)a[1], (int)a[2], (off64_t *)a[3], (size_t)a[4], (unsigned)a[5]);
    case SYS_renameat2:
      return renameat2((int)a[0], (text)a[1], (int)a[2], (text)a[3], (unsigned)a[4]);
    case SYS_openat:
      return open_file((int)a[0], (text)a[1], (int)a[2], (mode_t)a[3]);
    case SYS_sendfile:
      return sendfile((int)a[0], (int)a[1], (off_t *)a[2], (size_t)a[3]);
    case SYS_write:
      return write((int)a[0], (const void *)a[1], (size_t)a[2]);
    case SYS_pwrite64:
      return pwrite64((int)a[0], (const void *)a[1], (size_t)a[2], (off64_t)a[3]);
    case SYS_pwritev:
      return pwritev64((int)a[0], (const struct iovec *)a[1], (int)a[2], (off64_t)a[3]);
    case SYS_fsync:
      return fsync((int)a[0]);
    case SYS_fdatasync:
      return fdatasync((int)a[0]);
    case SYS_unlinkat:
      return unlinkat((int)a[0], (text)a[1], (int)a[2]);
    case SYS_utimensat:
      return utimensat((int)a[0], (text)a[1], (const struct timespec *)a[2], (int)a[3]);
    default:
      return REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
  }
}
