#include "core/store/history_db.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/mem.h"

#define SCHEMA_VERSION 4
/* How long another bilge is waited for: two seconds. */
#define BUSY_TRIES 200
#define BUSY_PAUSE_MS 10

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS layer(created_at INTEGER PRIMARY KEY, text TEXT NOT NULL);"
    "CREATE TABLE IF NOT EXISTS sample(series TEXT NOT NULL, at INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL, PRIMARY KEY(series, at)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS build(id INTEGER PRIMARY KEY, project TEXT, service TEXT NOT NULL,"
    " kind TEXT, first_miss TEXT, tools TEXT, state INTEGER NOT NULL, exit_status INTEGER NOT NULL,"
    " started_at INTEGER NOT NULL, duration_ms INTEGER NOT NULL, added_bytes INTEGER NOT NULL);"
    "CREATE INDEX IF NOT EXISTS build_by_service ON build(service, started_at);"
    "CREATE TABLE IF NOT EXISTS step(build INTEGER NOT NULL REFERENCES build(id) ON DELETE CASCADE,"
    " position INTEGER NOT NULL, service TEXT, stage TEXT, instruction TEXT NOT NULL,"
    " state INTEGER NOT NULL, duration_ms INTEGER NOT NULL, PRIMARY KEY(build, position))"
    " WITHOUT ROWID;"
    "PRAGMA user_version = 1;";

/* What each version added. */
static const char *const upgrades[] = {
    schema,
    "ALTER TABLE build ADD COLUMN why TEXT; ALTER TABLE build ADD COLUMN error TEXT;"
    "ALTER TABLE step ADD COLUMN place INTEGER NOT NULL DEFAULT 0;"
    "PRAGMA user_version = 2;",
    "ALTER TABLE build ADD COLUMN args TEXT;"
    "ALTER TABLE step ADD COLUMN start_ms INTEGER NOT NULL DEFAULT -1;"
    "PRAGMA user_version = 3;",
    "CREATE TABLE project(id INTEGER PRIMARY KEY, files TEXT NOT NULL UNIQUE, name TEXT NOT NULL,"
    " seen_at INTEGER NOT NULL);"
    "CREATE TABLE project_path(project INTEGER NOT NULL REFERENCES project(id) ON DELETE CASCADE,"
    " kind INTEGER NOT NULL, position INTEGER NOT NULL, path TEXT NOT NULL,"
    " PRIMARY KEY(project, kind, position)) WITHOUT ROWID;"
    "PRAGMA user_version = 4;",
};

/* err_set() with SQLite's words. A full disk becomes -ENOSPC, a read-only
 * place -EROFS, anything else ERR_PEER. */
static int fail(struct history *history, const char *action, struct err *err)
{
    int code = ERR_PEER;
    int reason = sqlite3_errcode(history->db) & 0xff;
    if (reason == SQLITE_FULL)
        code = -ENOSPC;
    else if (reason == SQLITE_READONLY)
        code = -EROFS;
    return err_set(err, code, "%s the history: %s", action, sqlite3_errmsg(history->db));
}

int history_exec(struct history *history, const char *sql, struct err *err)
{
    if (sqlite3_exec(history->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return fail(history, "writing", err);
    return 0;
}

sqlite3_stmt *history_prepare(struct history *history, const char *sql, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(history->db, sql, -1, &statement, NULL) != SQLITE_OK)
        fail(history, "reading", err);
    return statement;
}

int history_run(struct history *history, sqlite3_stmt *statement, struct err *err)
{
    int code = sqlite3_step(statement) == SQLITE_DONE ? 0 : fail(history, "writing", err);
    sqlite3_reset(statement);
    return code;
}

int history_end(struct history *history, int code, struct err *err)
{
    if (code == 0)
        code = history_exec(history, "COMMIT", err);
    if (code != 0)
        sqlite3_exec(history->db, "ROLLBACK", NULL, NULL, NULL);
    return code;
}

char *history_text(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return text != NULL ? mem_strdup(text) : NULL;
}

char *history_default_path(void)
{
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    if (state != NULL && state[0] == '/')
        return mem_printf("%s/bilge/history.db", state);
    if (home != NULL && home[0] == '/')
        return mem_printf("%s/.local/state/bilge/history.db", home);
    return NULL;
}

static int make_directories(const char *path, struct err *err)
{
    char *copy = mem_strdup(path);
    int code = 0;
    for (char *slash = strchr(copy + 1, '/'); slash != NULL && code == 0;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(copy, 0700) < 0 && errno != EEXIST)
            code = err_sys(err, -errno, "making %s", copy);
        *slash = '/';
    }
    free(copy);
    return code;
}

static int read_version(struct history *history, int *ret_version, struct err *err)
{
    sqlite3_stmt *statement = history_prepare(history, "PRAGMA user_version", err);
    if (statement == NULL)
        return err != NULL ? err->code : ERR_PEER;
    int code = sqlite3_step(statement) == SQLITE_ROW ? 0 : fail(history, "reading", err);
    if (code == 0)
        *ret_version = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return code;
}

/* Another bilge may be doing the same: the second one finds it done. */
static int upgrade(struct history *history, struct err *err)
{
    int version = 0;
    int code = history_exec(history, "BEGIN IMMEDIATE", err);
    if (code < 0)
        return code;
    code = read_version(history, &version, err);
    for (; code == 0 && version < SCHEMA_VERSION; version++)
        code = history_exec(history, upgrades[version], err);
    return history_end(history, code, err);
}

/* Write-ahead, so that a reader and a writer don't wait for each other. SQLite's
 * busy timeout does not count here: of several who make the file at once, only
 * one can change its mode. */
static int write_ahead(struct history *history, struct err *err)
{
    int code = -EBUSY;
    for (int tries = 0; code < 0 && tries < BUSY_TRIES; tries++) {
        code = history_exec(history, "PRAGMA journal_mode=WAL", err);
        int reason = sqlite3_errcode(history->db) & 0xff;
        if (code < 0 && reason != SQLITE_BUSY && reason != SQLITE_LOCKED)
            break;
        if (code < 0)
            sqlite3_sleep(BUSY_PAUSE_MS);
    }
    return code;
}

static int prepare_file(struct history *history, const char *path, struct err *err)
{
    int version = 0;
    sqlite3_busy_timeout(history->db, BUSY_TRIES * BUSY_PAUSE_MS);
    int code = read_version(history, &version, err);
    if (code == 0 && version > SCHEMA_VERSION)
        return err_set(err, ERR_UNSUPPORTED, "opening %s: written by a newer bilge", path);
    if (code == 0)
        code = write_ahead(history, err);
    /* A lost last second after a power cut is no harm here. */
    if (code == 0)
        code = history_exec(history,
                            "PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;"
                            "PRAGMA cache_size=-256;",
                            err);
    if (code == 0 && version < SCHEMA_VERSION)
        code = upgrade(history, err);
    return code;
}

int history_open(const char *path, struct history **ret_history, struct err *err)
{
    int code = make_directories(path, err);
    if (code < 0)
        return code;
    struct history *history = mem_zalloc(sizeof *history);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX;
    if (sqlite3_open_v2(path, &history->db, flags, NULL) != SQLITE_OK)
        code = fail(history, "opening", err);
    else
        code = prepare_file(history, path, err);
    if (code < 0) {
        history_close(history);
        return code;
    }
    *ret_history = history;
    return 0;
}

/* Can its tables be read this way? */
static bool is_readable(struct history *history, const char *name)
{
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_FULLMUTEX;
    int version;
    if (sqlite3_open_v2(name, &history->db, flags, NULL) == SQLITE_OK) {
        sqlite3_busy_timeout(history->db, BUSY_TRIES * BUSY_PAUSE_MS);
        if (read_version(history, &version, NULL) == 0 &&
            sqlite3_exec(history->db, "SELECT 1 FROM sqlite_master LIMIT 1", NULL, NULL, NULL) ==
                SQLITE_OK)
            return true;
    }
    return false;
}

/* A file name as a URI: everything but the plainest characters is escaped. */
static char *uri_of(const char *path)
{
    struct buf uri = {0};
    buf_append_str(&uri, "file:");
    for (const char *at = path; *at != '\0'; at++) {
        if (isalnum((unsigned char)*at) || strchr("/._-", *at) != NULL)
            buf_append(&uri, at, 1);
        else
            buf_printf(&uri, "%%%02X", (unsigned)(unsigned char)*at);
    }
    /* The write-ahead log is then left out of account, for which a directory that
     * can't be written to has no room. */
    buf_append_str(&uri, "?immutable=1");
    return buf_take(&uri);
}

int history_open_reading(const char *path, struct history **ret_history, struct err *err)
{
    if (access(path, F_OK) < 0)
        return err_sys(err, -errno, "opening %s", path);
    struct history *history = mem_zalloc(sizeof *history);
    bool readable = is_readable(history, path);
    if (!readable) {
        sqlite3_close(history->db);
        history->db = NULL;
        char *uri = uri_of(path);
        readable = is_readable(history, uri);
        free(uri);
    }
    if (!readable) {
        int code = fail(history, "opening", err);
        history_close(history);
        return code;
    }
    *ret_history = history;
    return 0;
}

void history_close(struct history *history)
{
    if (history == NULL)
        return;
    sqlite3_close(history->db);
    free(history);
}

/* ------------------------------------------------------------------ layers */

int history_add_layers(struct history *history, const struct history_layer *layers, size_t len,
                       struct err *err)
{
    int code = history_exec(history, "BEGIN IMMEDIATE", err);
    if (code < 0)
        return code;
    /* The first text is the step's; what an engine says after a prune and an
     * import ("imported sha256:…") tells less. */
    sqlite3_stmt *insert = history_prepare(
        history, "INSERT OR IGNORE INTO layer(created_at, text) VALUES(?, ?)", err);
    code = insert == NULL ? ERR_PEER : 0;
    for (size_t i = 0; i < len && code == 0; i++) {
        sqlite3_bind_int64(insert, 1, layers[i].created_at);
        sqlite3_bind_text(insert, 2, layers[i].text, -1, SQLITE_STATIC);
        code = history_run(history, insert, err);
    }
    sqlite3_finalize(insert);
    return history_end(history, code, err);
}

int history_find_layers(struct history *history, const int64_t *created_at, size_t len,
                        char **ret_texts, struct err *err)
{
    sqlite3_stmt *find =
        history_prepare(history, "SELECT text FROM layer WHERE created_at = ?", err);
    if (find == NULL)
        return ERR_PEER;
    for (size_t i = 0; i < len; i++) {
        sqlite3_bind_int64(find, 1, created_at[i]);
        ret_texts[i] = sqlite3_step(find) == SQLITE_ROW ? history_text(find, 0) : NULL;
        sqlite3_reset(find);
    }
    sqlite3_finalize(find);
    return 0;
}
