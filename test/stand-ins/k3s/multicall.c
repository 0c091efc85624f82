/*
 * The file that is installed as k3s of the tests: it becomes the Node program that unpacks and goes on, with the release's
 * folder before its own arguments. NODE, PROGRAM and FOLDER are given to the compiler.
 */
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
  char **arguments = calloc((size_t)argc + 4, sizeof *arguments);
  arguments[0] = NODE;
  arguments[1] = "--no-warnings";
  arguments[2] = PROGRAM;
  arguments[3] = FOLDER;
  for (int i = 1; i < argc; i++) arguments[i + 3] = argv[i];
  execv(NODE, arguments);
  return 127;
}
