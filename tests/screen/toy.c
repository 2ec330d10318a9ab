/* A small full-screen program with the manners that bilge must have, for the
 * tests of the harness itself: shows its size and the last key; q quits, c
 * crashes without putting the terminal right. */
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <ncurses.h>

static void draw(int key)
{
    erase();
    mvprintw(0, 0, "toy %d x %d", COLS, LINES);
    attron(A_REVERSE);
    mvprintw(1, 2, "key %d", key);
    attroff(A_REVERSE);
    mvprintw(2, 2, "漢字 wide");
    refresh();
}

static int next_key(void)
{
    int key;
    struct termios now;
    while ((key = getch()) == ERR)
        if (tcgetattr(STDIN_FILENO, &now) < 0) {
            /* A hang-up kills, also where its signal is ignored, as below nohup. */
            signal(SIGHUP, SIG_DFL);
            raise(SIGHUP);
        }
    return key;
}

int main(void)
{
    setlocale(LC_CTYPE, "");
    initscr();
    cbreak();
    noecho();
    keypad(stdscr, TRUE);
    curs_set(0);
    timeout(50); /* a resize that comes just before getch() waits does not wake it */
    for (int key = 0; key != 'q'; key = next_key()) {
        if (key == 'c')
            kill(getpid(), SIGKILL);
        draw(key);
    }
    endwin();
    return 5;
}
