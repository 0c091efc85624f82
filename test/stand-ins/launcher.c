/*
 * The process that the kernel shows as k3s or k0s of the tests: it says its version, and else keeps a Node program as its
 * child and hands systemd what that writes to descriptor 3. VERSION_TEXT, NODE, COMPILED, BEHAVIOUR and PROGRAM are given
 * to the compiler.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void tell_systemd(const char *line, size_t length) {
  const char *path = getenv("NOTIFY_SOCKET");
  if (path == NULL) return;
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  strncpy(to.sun_path, path, sizeof to.sun_path - 1);
  if (to.sun_path[0] == '@') to.sun_path[0] = 0;
  int descriptor = socket(AF_UNIX, SOCK_DGRAM, 0);
  socklen_t size = offsetof(struct sockaddr_un, sun_path) + strlen(path);
  if (descriptor >= 0) sendto(descriptor, line, length, 0, (struct sockaddr *)&to, size);
  close(descriptor);
}

static int is_version(const char *argument) {
  return strcmp(argument, "--version") == 0 || strcmp(argument, "-v") == 0 || strcmp(argument, "version") == 0;
}

static void become_program(int argc, char **argv, int notices) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  dup2(notices, 3);
  if (*COMPILED) setenv("NODE_COMPILE_CACHE", COMPILED, 0);
  char **arguments = calloc((size_t)argc + 2, sizeof *arguments);
  arguments[0] = NODE;
  arguments[1] = PROGRAM;
  for (int i = 1; i < argc; i++) arguments[i + 1] = argv[i];
  // Which release this is goes with the program, not with its unit.
  setenv("STAND_IN_VERSION", VERSION_TEXT, 0);
  setenv("STAND_IN_BEHAVIOUR", BEHAVIOUR, 0);
  execv(NODE, arguments);
  _exit(127);
}

int main(int argc, char **argv) {
  if (argc > 1 && is_version(argv[1])) return puts(VERSION_TEXT) < 0;
  int notices[2];
  if (pipe2(notices, 0) != 0) return 1;
  pid_t child = fork();
  if (child < 0) return 1;
  if (child == 0) become_program(argc, argv, notices[1]);
  close(notices[1]);
  char line[512];
  for (ssize_t length; (length = read(notices[0], line, sizeof line)) > 0;) tell_systemd(line, (size_t)length);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
