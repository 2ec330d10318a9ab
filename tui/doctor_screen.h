/* The doctor: what is odd here, and what to do about it. */
#ifndef BILGE_TUI_DOCTOR_SCREEN_H
#define BILGE_TUI_DOCTOR_SCREEN_H

#include "tui/screen.h"

/* Puts it on top and asks for the report. */
void doctor_screen_open(struct app *app);

#endif
