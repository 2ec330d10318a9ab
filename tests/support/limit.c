#include "tests/support/limit.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned slowness(void)
{
    const char *text = getenv("BILGE_TEST_SLOW");
    int factor = text != NULL ? atoi(text) : 1;
    return factor < 1 ? 1 : factor > 100 ? 100 : (unsigned)factor;
}

unsigned limit_ms(unsigned milliseconds)
{
    return milliseconds * slowness();
}

static void on_alarm(int signal)
{
    static const char text[] = "\nBail out! the test program ran into its time limit\n";
    ssize_t written = write(STDOUT_FILENO, text, sizeof text - 1);
    (void)written;
    (void)signal;
    _exit(99);
}

void limit_program(unsigned seconds)
{
    struct sigaction action = {.sa_handler = on_alarm};
    sigaction(SIGALRM, &action, NULL);
    alarm(seconds * slowness());
}
