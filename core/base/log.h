/* Notes for whoever debugs bilge. Nothing is written unless log_open() was
 * called (BILGE_LOG=FILE); never to the terminal. */
#ifndef BILGE_BASE_LOG_H
#define BILGE_BASE_LOG_H

/* Appends to `path`. 0, or a negative errno code; then logging stays off. */
int log_open(const char *path);
void log_close(void);
/* One line, with time and thread. May be called from any thread. */
void log_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
