/* The disks at the right end of the header: the one in the worst way with a
 * gauge, what is left of it, and when it will be full; others in short. A
 * threshold that is reached is told by a mark, too: not everybody sees
 * colours. */
#ifndef BILGE_TUI_DISK_GAUGE_H
#define BILGE_TUI_DISK_GAUGE_H

#include "tui/app.h"
#include "tui/kit/canvas.h"

/* Draws into the first row. Returns the column where it begins. */
int disk_gauge_draw(const struct app *app, const struct canvas *canvas);

/* "", "! " for amber and "!! " for red. */
const char *disk_gauge_mark(enum disk_alarm alarm);
enum style disk_gauge_style(enum disk_alarm alarm);
/* Appends where it is mounted, clean and in at most `columns`: a long path
 * loses its beginning. "RAM" goes before what is in memory. */
void disk_gauge_name(const struct disk *disk, size_t columns, const char *ellipsis,
                     struct buf *buf);

#endif
