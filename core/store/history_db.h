/* What the files of the history share. */
#ifndef BILGE_STORE_HISTORY_DB_H
#define BILGE_STORE_HISTORY_DB_H

#include <sqlite3.h>

#include "core/store/history.h"

struct history {
    sqlite3 *db;
};

/* Statements without result. A full disk is -ENOSPC, a read-only place -EROFS,
 * anything else ERR_PEER, with SQLite's words. */
int history_exec(struct history *history, const char *sql, struct err *err);

/* NULL, and err filled, when the statement can't be prepared. */
sqlite3_stmt *history_prepare(struct history *history, const char *sql, struct err *err);

/* Runs a statement that gives no rows, and makes it ready for the next. */
int history_run(struct history *history, sqlite3_stmt *statement, struct err *err);

/* Ends a transaction: commits when code is 0, else rolls back. Returns code, or
 * the commit's failure. */
int history_end(struct history *history, int code, struct err *err);

/* A copy of a text column; NULL for SQL's NULL. */
char *history_text(sqlite3_stmt *statement, int column);

#endif
