/* What the rows of steps and the others have in common. */
#ifndef BILGE_TUI_PANE_BUILD_PRIVATE_H
#define BILGE_TUI_PANE_BUILD_PRIVATE_H

#include "tui/pane.h"

/* Columns before the sign of a row's state. */
int build_row_indent(const struct pane_build_look *look, const struct tree_row *row);
/* Whether it is open or closed, if it can be. */
void build_row_fold(const struct canvas *canvas, int x, const struct tree_row *row);
/* All that a step moves, as one bar; one thing of it. */
void build_row_transfers(const struct canvas *canvas, const struct step *step);
void build_row_transfer(const struct canvas *canvas, const struct step_transfer *transfer);
void build_row_last_line(const struct canvas *canvas, enum style style,
                         const struct buildlog_line *line);
void build_row_step(const struct pane_build_look *look, const struct canvas *canvas,
                    const struct build *build, const struct tree_row *row);

#endif
