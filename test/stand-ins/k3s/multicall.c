/*
 * The file that is installed as k3s of the tests: like K3s' own (cmd/k3s/main.go) it says its version without unpacking, and
 * else becomes the Node program that unpacks and goes on, with the release's folder before its own arguments.
 * VERSION_TEXT, NODE, COMPILED, PROGRAM and FOLDER are given to the compiler.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc > 1 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-v") == 0)) return puts(VERSION_TEXT) < 0;
  if (*COMPILED) setenv("NODE_COMPILE_CACHE", COMPILED, 0);
  char **arguments = calloc((size_t)argc + 4, sizeof *arguments);
  arguments[0] = NODE;
  arguments[1] = "--no-warnings";
  arguments[2] = PROGRAM;
  arguments[3] = FOLDER;
  for (int i = 1; i < argc; i++) arguments[i + 3] = argv[i];
  execv(NODE, arguments);
  return 127;
}
