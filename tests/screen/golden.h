/* Golden screens: what a screen must look like, kept as text files in
 * tests/screen/golden/. BILGE_UPDATE_GOLDEN=1 writes them anew; read the diff
 * before you commit it. What no test can pin (the disk's free space, names of
 * temporary directories) is masked, see golden.c. */
#ifndef BILGE_TESTS_SCREEN_GOLDEN_H
#define BILGE_TESTS_SCREEN_GOLDEN_H

#include "tests/screen/terminal.h"

/* Waits until the screen is that of golden/<name>-<columns>x<rows>.txt; else
 * fails, and shows the rows that differ. */
void golden_wait(struct terminal *terminal, const char *name);

#endif
