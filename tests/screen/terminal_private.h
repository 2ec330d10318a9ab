#ifndef BILGE_TESTS_SCREEN_TERMINAL_PRIVATE_H
#define BILGE_TESTS_SCREEN_TERMINAL_PRIVATE_H

#include <sys/types.h>
#include <termios.h>

#include <vterm.h>

#include "core/base/mem.h"
#include "tests/screen/terminal.h"

struct terminal {
    VTerm *vterm;
    VTermScreen *screen;
    int master;
    int slave; /* ours too, so that its modes can be looked at after the end */
    pid_t pid; /* 0 once it is reaped */
    int status;
    int columns, rows;
    unsigned patience_ms;
    bool answered; /* output has come since the last keys */
    bool alternate, mouse;
    struct termios modes; /* before the start */
    struct buf raw;
};

#endif
