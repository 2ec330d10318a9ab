/* What the files of the history share. */
#ifndef BILGE_STORE_HISTORY_DB_H
#define BILGE_STORE_HISTORY_DB_H

#include <sqlite3.h>

#include "core/store/history.h"

struct history {
    sqlite3 *db;
    unsigned ticks; /* of the statement that runs: a damaged file must not keep us for ever */
};

/* Statements without result. A full disk is -ENOSPC, a read-only place -EROFS,
 * a damaged file ERR_FORMAT, anything else ERR_PEER, with SQLite's words. */
int history_exec(struct history *history, const char *sql, struct err *err);

/* NULL, and err filled, when the statement can't be prepared. */
sqlite3_stmt *history_prepare(struct history *history, const char *sql, struct err *err);

/* Runs a statement that gives no rows, and makes it ready for the next. */
int history_run(struct history *history, sqlite3_stmt *statement, struct err *err);

/* Ends a transaction: commits when code is 0, else rolls back. Returns code, or
 * the commit's failure. */
int history_end(struct history *history, int code, struct err *err);

/* The next row of a query; false at its end, and after an error. */
bool history_next(sqlite3_stmt *statement);
/* Finalizes a query. 0 when all its rows have come, else what was wrong. */
int history_close_rows(struct history *history, sqlite3_stmt *statement, struct err *err);

/* ---- values. Whoever can write the file can write anything into it, and so can
 * a failing disk: each value is looked at before it is used. */

/* A number from `least` to `most`; false for anything else. */
bool history_number(sqlite3_stmt *statement, int column, int64_t least, int64_t most,
                    int64_t *ret_number);
/* A copy of a text, not too long; with `needed` it must not be SQL's NULL, which
 * else gives NULL. False for anything else; then there is nothing to free. */
bool history_text(sqlite3_stmt *statement, int column, bool needed, char **ret_text);

#endif
