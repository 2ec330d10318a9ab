/* with-hung DIRECTORY COMMAND...: runs the command while a file system that never
 * answers is mounted on the directory. Exits as the command does, or with 77 when there
 * can be none. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/hung.h"

int main(int argc, char **argv)
{
    int status = 0;
    struct hung *hung = argc > 2 && hung_begin() ? hung_mount(argv[1]) : NULL;
    if (hung == NULL)
        return 77;
    pid_t pid = fork();
    if (pid == 0) {
        execv(argv[2], argv + 2);
        _exit(127);
    }
    waitpid(pid, &status, 0);
    hung_free(hung);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
