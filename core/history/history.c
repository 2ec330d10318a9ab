#include "core/history/history.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/builds/build.h"

/* What the files of the history share. */

struct history {
    sqlite3 *db;
    unsigned ticks; /* of the statement that runs: a damaged file must not keep us for ever */
};

/* NULL, and err filled, when the statement can't be prepared. */
sqlite3_stmt *history_prepare(struct history *history, const char *sql, struct err *err);

/* ---- values. Whoever can write the file can write anything into it, and so can
 * a failing disk: each value is looked at before it is used. */

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

/* Texts of steps are far shorter; arguments of a build may be many. */
#define TEXT_MAX_BYTES (1024 * 1024)
/* A tick is a million steps of SQLite's, some ten milliseconds; what we ask of a
 * sound history takes less than one. */
#define TICK_STEPS 1000000
#define TICKS_MAX 300

/* err_set() with SQLite's words. A full disk becomes -ENOSPC, a read-only place
 * -EROFS, a damaged file ERR_FORMAT, anything else ERR_PEER. */
static int fail(struct history *history, const char *action, struct err *err)
{
    int code = ERR_PEER;
    int reason = sqlite3_errcode(history->db) & 0xff;
    if (reason == SQLITE_FULL)
        code = -ENOSPC;
    else if (reason == SQLITE_READONLY)
        code = -EROFS;
    else if (reason == SQLITE_CORRUPT || reason == SQLITE_NOTADB || reason == SQLITE_INTERRUPT ||
             reason == SQLITE_TOOBIG || reason == SQLITE_ERROR)
        code = ERR_FORMAT;
    return err_set(err, code, "%s the history: %s%s", action, sqlite3_errmsg(history->db),
                   code == ERR_FORMAT ? " (moved away, it is begun anew)" : "");
}

/* True ends the statement that runs. */
static int on_tick(void *arg)
{
    struct history *history = arg;
    return ++history->ticks > TICKS_MAX;
}

/* Statements without result. A full disk is -ENOSPC, a read-only place -EROFS,
 * a damaged file ERR_FORMAT, anything else ERR_PEER, with SQLite's words. */
static int history_exec(struct history *history, const char *sql, struct err *err)
{
    history->ticks = 0;
    if (sqlite3_exec(history->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return fail(history, "writing", err);
    return 0;
}

sqlite3_stmt *history_prepare(struct history *history, const char *sql, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    history->ticks = 0;
    if (sqlite3_prepare_v2(history->db, sql, -1, &statement, NULL) != SQLITE_OK)
        fail(history, "reading", err);
    return statement;
}

/* Runs a statement that gives no rows, and makes it ready for the next. */
static int history_run(struct history *history, sqlite3_stmt *statement, struct err *err)
{
    int code = sqlite3_step(statement) == SQLITE_DONE ? 0 : fail(history, "writing", err);
    sqlite3_reset(statement);
    return code;
}

/* Ends a transaction: commits when code is 0, else rolls back. Returns code, or
 * the commit's failure. */
static int history_end(struct history *history, int code, struct err *err)
{
    if (code == 0)
        code = history_exec(history, "COMMIT", err);
    if (code != 0)
        sqlite3_exec(history->db, "ROLLBACK", NULL, NULL, NULL);
    return code;
}

/* The next row of a query; false at its end, and after an error. */
static bool history_next(sqlite3_stmt *statement)
{
    return sqlite3_step(statement) == SQLITE_ROW;
}

/* Finalizes a query. 0 when all its rows have come, else what was wrong. */
static int history_close_rows(struct history *history, sqlite3_stmt *statement, struct err *err)
{
    return sqlite3_finalize(statement) == SQLITE_OK ? 0 : fail(history, "reading", err);
}

/* A number from `least` to `most`; false for anything else. */
static bool history_number(sqlite3_stmt *statement, int column, int64_t least, int64_t most,
                           int64_t *ret_number)
{
    int64_t number = sqlite3_column_int64(statement, column);
    if (sqlite3_column_type(statement, column) != SQLITE_INTEGER || number < least || number > most)
        return false;
    *ret_number = number;
    return true;
}

/* A copy of a text, not too long; with `needed` it must not be SQL's NULL, which
 * else gives NULL. False for anything else; then there is nothing to free. */
static bool history_text(sqlite3_stmt *statement, int column, bool needed, char **ret_text)
{
    int type = sqlite3_column_type(statement, column);
    if (type == SQLITE_NULL && !needed) {
        *ret_text = NULL;
        return true;
    }
    if (type != SQLITE_TEXT || sqlite3_column_bytes(statement, column) > TEXT_MAX_BYTES)
        return false;
    const char *text = (const char *)sqlite3_column_text(statement, column);
    if (text == NULL)
        return false;
    *ret_text = mem_strdup(text);
    return true;
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

/* ------------------------------------------------------------ a file of ours */

/* Root writes into a home for its owner, and must not take it from them. */
static bool is_ours(const struct stat *file, const struct stat *directory)
{
    uid_t us = geteuid();
    return file->st_uid == us || (us == 0 && file->st_uid == directory->st_uid);
}

/* A FIFO would have SQLite wait for ever, a symlink lead it elsewhere. It can
 * hold arguments of builds: nobody else may read it. */
static int check_file(const char *path, const struct stat *directory, bool *ret_found,
                      struct err *err)
{
    struct stat file;
    *ret_found = lstat(path, &file) == 0;
    if (!*ret_found)
        return errno == ENOENT ? 0 : err_sys(err, -errno, "opening the history %s", path);
    if (!S_ISREG(file.st_mode))
        return err_set(err, ERR_FOREIGN, "opening the history %s: not a regular file", path);
    if (!is_ours(&file, directory))
        return err_set(err, ERR_FOREIGN, "opening the history %s: it belongs to another user",
                       path);
    if ((file.st_mode & 077) != 0)
        chmod(path, 0600); /* where nothing can be changed, it is read all the same */
    return 0;
}

/* Before SQLite would, which asks the umask alone. Nobody has it open yet: a
 * close() of ours would undo SQLite's locks on one that somebody has. */
static int make_file(const char *path, const struct stat *directory, struct err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST ? 0 : err_sys(err, -errno, "making the history %s", path);
    int code = 0;
    if (geteuid() == 0 && directory->st_uid != 0 &&
        fchown(fd, directory->st_uid, directory->st_gid) < 0)
        code = err_sys(err, -errno, "giving the history %s to its owner", path);
    close(fd);
    return code;
}

enum finding {
    FIND_OR_MAKE,
    FIND_WHOLE, /* with the files that SQLite keeps beside it */
    FIND_ALONE, /* without: then they must not be opened */
};

/* The file and those that SQLite keeps beside it. */
static int check_files(const char *path, const struct stat *directory, enum finding finding,
                       struct err *err)
{
    static const char *const endings[] = {"", "-journal", "-wal", "-shm"};
    size_t len = finding == FIND_ALONE ? 1 : sizeof endings / sizeof endings[0];
    bool found = false;
    int code = 0;
    for (size_t i = len; i-- > 0 && code == 0;) {
        char *file = mem_printf("%s%s", path, endings[i]);
        code = check_file(file, directory, &found, err);
        free(file);
    }
    if (code < 0 || found)
        return code;
    return finding == FIND_OR_MAKE ? make_file(path, directory, err)
                                   : err_sys(err, -ENOENT, "opening %s", path);
}

/* The path with its directories resolved, which may be symlinks; the file itself
 * may not. */
static int find_file(const char *path, enum finding finding, char **ret_path, struct err *err)
{
    char *parent = path_parent(path), *real = realpath(parent, NULL);
    struct stat directory;
    int code = 0;
    if (real == NULL || stat(real, &directory) < 0)
        code = err_sys(err, -errno, "opening the history's directory %s", parent);
    else if (geteuid() != 0 && directory.st_uid != geteuid() && directory.st_uid != 0)
        code = err_set(err, ERR_FOREIGN,
                       "opening the history %s: its directory belongs to another user", path);
    char *file = code == 0 ? path_join(real, path_name(path)) : NULL;
    if (code == 0)
        code = check_files(file, &directory, finding, err);
    if (code == 0)
        *ret_path = file;
    else
        free(file);
    free(parent);
    free(real);
    return code;
}

/* ------------------------------------------------------------------- opening */

static int read_version(struct history *history, int *ret_version, struct err *err)
{
    int64_t version = 0;
    sqlite3_stmt *statement = history_prepare(history, "PRAGMA user_version", err);
    if (statement == NULL)
        return err != NULL ? err->code : ERR_PEER;
    int code = sqlite3_step(statement) == SQLITE_ROW ? 0 : fail(history, "reading", err);
    if (code == 0 && !history_number(statement, 0, 0, INT32_MAX, &version))
        code = err_set(err, ERR_FORMAT, "reading the history: its version makes no sense");
    *ret_version = (int)version;
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

/* What stands in the file gets no say in what is run. */
static void distrust(struct history *history)
{
    sqlite3_limit(history->db, SQLITE_LIMIT_LENGTH, 8 * TEXT_MAX_BYTES);
    sqlite3_limit(history->db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_db_config(history->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
#ifdef SQLITE_DBCONFIG_DEFENSIVE
    sqlite3_db_config(history->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
#endif
#ifdef SQLITE_DBCONFIG_ENABLE_VIEW
    sqlite3_db_config(history->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
#endif
#ifdef SQLITE_DBCONFIG_TRUSTED_SCHEMA
    sqlite3_db_config(history->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
#endif
    sqlite3_exec(history->db, "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0", NULL, NULL, NULL);
    sqlite3_progress_handler(history->db, TICK_STEPS, on_tick, history);
}

static int prepare_file(struct history *history, const char *path, struct err *err)
{
    int version = 0;
    distrust(history);
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
    char *file = NULL;
    int code = make_directories(path, err);
    if (code == 0)
        code = find_file(path, FIND_OR_MAKE, &file, err);
    if (code < 0)
        return code;
    struct history *history = mem_zalloc(sizeof *history);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX;
#ifdef SQLITE_OPEN_NOFOLLOW
    flags |= SQLITE_OPEN_NOFOLLOW;
#endif
    if (sqlite3_open_v2(file, &history->db, flags, NULL) != SQLITE_OK)
        code = fail(history, "opening", err);
    else
        code = prepare_file(history, path, err);
    free(file);
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
#ifdef SQLITE_OPEN_NOFOLLOW
    flags |= SQLITE_OPEN_NOFOLLOW;
#endif
    if (sqlite3_open_v2(name, &history->db, flags, NULL) == SQLITE_OK) {
        distrust(history);
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
    char *file = NULL;
    bool whole = find_file(path, FIND_WHOLE, &file, NULL) == 0;
    int code = whole ? 0 : find_file(path, FIND_ALONE, &file, err);
    if (code < 0)
        return code;
    struct history *history = mem_zalloc(sizeof *history);
    bool readable = whole && is_readable(history, file);
    if (!readable) {
        sqlite3_close(history->db);
        history->db = NULL;
        char *uri = uri_of(file);
        readable = is_readable(history, uri);
        free(uri);
    }
    free(file);
    if (!readable) {
        code = fail(history, "opening", err);
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
    sqlite3_stmt *insert =
        history_prepare(history, "INSERT OR IGNORE INTO layer(created_at, text) VALUES(?, ?)", err);
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
    int code = 0;
    for (size_t i = 0; i < len; i++) {
        sqlite3_bind_int64(find, 1, created_at[i]);
        ret_texts[i] = NULL;
        if (history_next(find))
            history_text(find, 0, true, &ret_texts[i]);
        if (sqlite3_reset(find) != SQLITE_OK)
            code = fail(history, "reading", err);
    }
    sqlite3_finalize(find);
    return code;
}

#define BUILD_COLUMNS                                                                              \
    "id, project, service, kind, first_miss, tools, state, exit_status, started_at, duration_ms,"  \
    " added_bytes, why, error, args"

static int add_row(struct history *history, struct history_build *build, struct err *err)
{
    sqlite3_stmt *insert = history_prepare(
        history,
        "INSERT INTO build(project, service, kind, first_miss, tools, state, exit_status,"
        " started_at, duration_ms, added_bytes, why, error, args)"
        " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        err);
    if (insert == NULL)
        return ERR_PEER;
    sqlite3_bind_text(insert, 1, build->project, -1, SQLITE_STATIC);
    sqlite3_bind_text(insert, 2, build->service, -1, SQLITE_STATIC);
    sqlite3_bind_text(insert, 3, build->kind, -1, SQLITE_STATIC);
    sqlite3_bind_text(insert, 4, build->first_miss, -1, SQLITE_STATIC);
    sqlite3_bind_text(insert, 5, build->tools, -1, SQLITE_STATIC);
    sqlite3_bind_int(insert, 6, build->state);
    sqlite3_bind_int(insert, 7, build->exit_status);
    sqlite3_bind_int64(insert, 8, build->started_at);
    sqlite3_bind_int64(insert, 9, build->duration_ms);
    sqlite3_bind_int64(insert, 10, build->added_bytes);
    sqlite3_bind_text(insert, 11, build->why, -1, SQLITE_STATIC);
    sqlite3_bind_text(insert, 12, build->error, -1, SQLITE_STATIC);
    sqlite3_bind_text(insert, 13, build->args, -1, SQLITE_STATIC);
    int code = history_run(history, insert, err);
    sqlite3_finalize(insert);
    if (code == 0)
        build->id = sqlite3_last_insert_rowid(history->db);
    return code;
}

static int add_steps(struct history *history, const struct history_build *build, struct err *err)
{
    sqlite3_stmt *insert = history_prepare(
        history,
        "INSERT INTO step(build, position, service, stage, instruction, state, duration_ms,"
        " place, start_ms) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
        err);
    int code = insert == NULL ? ERR_PEER : 0;
    for (size_t i = 0; i < build->steps_len && code == 0; i++) {
        const struct history_step *step = &build->steps[i];
        sqlite3_bind_int64(insert, 1, build->id);
        sqlite3_bind_int64(insert, 2, (sqlite3_int64)i);
        sqlite3_bind_text(insert, 3, step->service, -1, SQLITE_STATIC);
        sqlite3_bind_text(insert, 4, step->stage, -1, SQLITE_STATIC);
        sqlite3_bind_text(insert, 5, step->instruction, -1, SQLITE_STATIC);
        sqlite3_bind_int(insert, 6, step->state);
        sqlite3_bind_int64(insert, 7, step->duration_ms);
        sqlite3_bind_int(insert, 8, step->index);
        sqlite3_bind_int64(insert, 9, step->start_ms);
        code = history_run(history, insert, err);
    }
    sqlite3_finalize(insert);
    return code;
}

int history_add_build(struct history *history, struct history_build *build, struct err *err)
{
    int code = history_exec(history, "BEGIN IMMEDIATE", err);
    if (code < 0)
        return code;
    code = add_row(history, build, err);
    if (code == 0)
        code = add_steps(history, build, err);
    return history_end(history, code, err);
}

/* -------------------------------------------------------------------- reading */

/* Sums of many of them still fit. */
#define DURATION_MAX_MS (INT64_C(10) * 366 * 86400 * 1000)
#define ADDED_MAX_BYTES (INT64_C(1) << 50)
#define INDEX_MAX 1000000

static bool read_texts(sqlite3_stmt *row, struct history_build *build)
{
    return history_text(row, 1, false, &build->project) &&
           history_text(row, 2, true, &build->service) &&
           history_text(row, 3, false, &build->kind) &&
           history_text(row, 4, false, &build->first_miss) &&
           history_text(row, 5, false, &build->tools) &&
           history_text(row, 11, false, &build->why) &&
           history_text(row, 12, false, &build->error) &&
           history_text(row, 13, false, &build->args);
}

/* False for a row that makes no sense: then there is nothing to free. */
static bool read_row(sqlite3_stmt *row, struct history_build *ret_build)
{
    struct history_build build = {0};
    int64_t state, status;
    bool sound = history_number(row, 0, 1, INT64_MAX, &build.id) && read_texts(row, &build) &&
                 history_number(row, 6, BUILD_DONE, BUILD_CANCELLED, &state) &&
                 history_number(row, 7, INT32_MIN, INT32_MAX, &status) &&
                 history_number(row, 8, 0, INT64_MAX, &build.started_at) &&
                 history_number(row, 9, 0, DURATION_MAX_MS, &build.duration_ms) &&
                 history_number(row, 10, -ADDED_MAX_BYTES, ADDED_MAX_BYTES, &build.added_bytes);
    if (!sound) {
        history_build_done(&build);
        return false;
    }
    build.state = (int)state;
    build.exit_status = (int)status;
    *ret_build = build;
    return true;
}

int history_builds(struct history *history, const char *service, size_t limit,
                   struct history_build **ret_builds, size_t *ret_len, struct err *err)
{
    sqlite3_stmt *select =
        history_prepare(history,
                        "SELECT " BUILD_COLUMNS " FROM build WHERE ?1 IS NULL OR service = ?1"
                        " ORDER BY started_at DESC, id DESC LIMIT ?2",
                        err);
    if (select == NULL)
        return ERR_PEER;
    struct history_build *builds = NULL;
    size_t len = 0, cap = 0;
    sqlite3_bind_text(select, 1, service, -1, SQLITE_STATIC);
    sqlite3_bind_int64(select, 2, (sqlite3_int64)limit);
    while (history_next(select)) {
        mem_reserve((void **)&builds, &cap, len + 1, sizeof *builds);
        len += read_row(select, &builds[len]);
    }
    int code = history_close_rows(history, select, err);
    if (code < 0) {
        history_builds_free(builds, len);
        return code;
    }
    *ret_builds = builds;
    *ret_len = len;
    return 0;
}

static void step_done(struct history_step *step)
{
    free(step->service);
    free(step->stage);
    free(step->instruction);
}

/* As read_row(). Times are the engine's own, and may be odd in a sound file, too. */
static bool read_step(sqlite3_stmt *row, struct history_step *ret_step)
{
    struct history_step step = {.start_ms = -1};
    int64_t state, index = 0;
    bool sound = history_text(row, 0, false, &step.service) &&
                 history_text(row, 1, false, &step.stage) &&
                 history_text(row, 2, true, &step.instruction) &&
                 history_number(row, 3, STEP_WAITING, STEP_CANCELLED, &state);
    if (!sound) {
        step_done(&step);
        return false;
    }
    history_number(row, 4, 0, DURATION_MAX_MS, &step.duration_ms);
    history_number(row, 5, 0, INDEX_MAX, &index);
    history_number(row, 6, 0, DURATION_MAX_MS, &step.start_ms);
    step.state = (int)state;
    step.index = (int)index;
    *ret_step = step;
    return true;
}

int history_read_steps(struct history *history, struct history_build *build, struct err *err)
{
    sqlite3_stmt *select = history_prepare(
        history,
        "SELECT service, stage, instruction, state, duration_ms, place, start_ms FROM step"
        " WHERE build = ?1 ORDER BY position LIMIT ?2",
        err);
    if (select == NULL)
        return ERR_PEER;
    size_t cap = 0;
    sqlite3_bind_int64(select, 1, build->id);
    sqlite3_bind_int64(select, 2, BUILD_STEPS_MAX);
    while (history_next(select)) {
        mem_reserve((void **)&build->steps, &cap, build->steps_len + 1, sizeof *build->steps);
        build->steps_len += read_step(select, &build->steps[build->steps_len]);
    }
    return history_close_rows(history, select, err);
}

bool history_build_is_bench(const struct history_build *build)
{
    return build->kind != NULL &&
           strncmp(build->kind, HISTORY_BENCH, sizeof HISTORY_BENCH - 1) == 0;
}

int history_build(struct history *history, int64_t id, struct history_build *ret_build,
                  struct err *err)
{
    sqlite3_stmt *select =
        history_prepare(history, "SELECT " BUILD_COLUMNS " FROM build WHERE id = ?", err);
    if (select == NULL)
        return ERR_PEER;
    struct history_build build = {0};
    sqlite3_bind_int64(select, 1, id);
    bool found = history_next(select), sound = found && read_row(select, &build);
    int code = history_close_rows(history, select, err);
    if (code == 0 && !found)
        code = err_set(err, -ENOENT, "reading the history: there is no build %lld", (long long)id);
    else if (code == 0 && !sound)
        code =
            err_set(err, ERR_FORMAT, "reading the history: build %lld is damaged", (long long)id);
    if (code == 0)
        code = history_read_steps(history, &build, err);
    if (code == 0)
        *ret_build = build;
    else
        history_build_done(&build);
    return code;
}

int history_step_times(struct history *history, struct history_step_time **ret_times,
                       size_t *ret_len, struct err *err)
{
    sqlite3_stmt *select = history_prepare(
        history,
        "SELECT instruction, MAX(duration_ms) FROM step WHERE state = ? AND instruction <> ''"
        " AND build > (SELECT MAX(id) FROM build) - 300"
        " GROUP BY instruction ORDER BY instruction LIMIT 20000",
        err);
    if (select == NULL)
        return ERR_PEER;
    struct history_step_time *times = NULL;
    size_t len = 0, cap = 0;
    sqlite3_bind_int(select, 1, STEP_DONE);
    while (history_next(select)) {
        struct history_step_time time;
        if (!history_number(select, 1, 0, DURATION_MAX_MS, &time.duration_ms) ||
            !history_text(select, 0, true, &time.instruction))
            continue;
        mem_reserve((void **)&times, &cap, len + 1, sizeof *times);
        times[len++] = time;
    }
    int code = history_close_rows(history, select, err);
    for (size_t i = 0; i < len && code < 0; i++)
        free(times[i].instruction);
    if (code < 0) {
        free(times);
        return code;
    }
    *ret_times = times;
    *ret_len = len;
    return 0;
}

void history_build_done(struct history_build *build)
{
    for (size_t i = 0; i < build->steps_len; i++)
        step_done(&build->steps[i]);
    free(build->steps);
    free(build->project);
    free(build->service);
    free(build->kind);
    free(build->first_miss);
    free(build->why);
    free(build->error);
    free(build->tools);
    free(build->args);
    free(build->ref);
    *build = (struct history_build){0};
}

void history_builds_free(struct history_build *builds, size_t len)
{
    for (size_t i = 0; i < len; i++)
        history_build_done(&builds[i]);
    free(builds);
}

struct history_build *history_load_past(struct history *history, size_t limit, size_t *ret_len)
{
    struct history_build *builds = NULL;
    size_t len = 0;
    *ret_len = 0;
    if (history_builds(history, NULL, limit, &builds, &len, NULL) < 0)
        return NULL;
    for (size_t i = 0; i < len; i++)
        history_read_steps(history, &builds[i], NULL);
    *ret_len = len;
    return builds;
}

size_t history_build_steps(const struct history_build *build, size_t *ret_cached)
{
    size_t over = build->told_steps, cached = build->told_cached;
    for (size_t i = 0; i < build->steps_len; i++) {
        const struct history_step *step = &build->steps[i];
        if (step->index == 0 || strncasecmp(step->instruction, "FROM ", 5) == 0)
            continue;
        over += step->state >= STEP_DONE;
        cached += step->state == STEP_CACHED;
    }
    *ret_cached = cached;
    return over;
}

/* Differences and sums of them still fit. */
#define AT_MAX (INT64_C(1) << 62)
#define BYTES_MAX (INT64_C(1) << 60)

int history_add_samples(struct history *history, const struct history_sample *samples, size_t len,
                        struct err *err)
{
    int code = history_exec(history, "BEGIN IMMEDIATE", err);
    if (code < 0)
        return code;
    sqlite3_stmt *insert = history_prepare(
        history, "INSERT OR REPLACE INTO sample(series, at, bytes) VALUES(?, ?, ?)", err);
    code = insert == NULL ? ERR_PEER : 0;
    for (size_t i = 0; i < len && code == 0; i++) {
        sqlite3_bind_text(insert, 1, samples[i].series, -1, SQLITE_STATIC);
        sqlite3_bind_int64(insert, 2, samples[i].at);
        sqlite3_bind_int64(insert, 3, samples[i].bytes);
        code = history_run(history, insert, err);
    }
    sqlite3_finalize(insert);
    return history_end(history, code, err);
}

int history_points(struct history *history, const char *series, int64_t since,
                   struct history_point **ret_points, size_t *ret_len, struct err *err)
{
    sqlite3_stmt *select = history_prepare(
        history, "SELECT at, bytes FROM sample WHERE series = ? AND at >= ? ORDER BY at", err);
    if (select == NULL)
        return ERR_PEER;
    struct history_point *points = NULL;
    size_t len = 0, cap = 0;
    sqlite3_bind_text(select, 1, series, -1, SQLITE_STATIC);
    sqlite3_bind_int64(select, 2, since);
    while (history_next(select)) {
        struct history_point point;
        if (!history_number(select, 0, len > 0 ? points[len - 1].at + 1 : 0, AT_MAX, &point.at) ||
            !history_number(select, 1, 0, BYTES_MAX, &point.bytes))
            continue;
        mem_reserve((void **)&points, &cap, len + 1, sizeof *points);
        points[len++] = point;
    }
    int code = history_close_rows(history, select, err);
    if (code < 0) {
        free(points);
        return code;
    }
    *ret_points = points;
    *ret_len = len;
    return 0;
}

/* Of the samples older than `before`, keeps the last of each slot of time. */
static int keep_one_per(struct history *history, int64_t before, int64_t slot, struct err *err)
{
    sqlite3_stmt *thin =
        history_prepare(history,
                        "DELETE FROM sample WHERE at < ?1 AND EXISTS(SELECT 1 FROM sample AS later"
                        " WHERE later.series = sample.series AND later.at > sample.at"
                        " AND later.at / ?2 = sample.at / ?2)",
                        err);
    if (thin == NULL)
        return ERR_PEER;
    sqlite3_bind_int64(thin, 1, before);
    sqlite3_bind_int64(thin, 2, slot);
    int code = history_run(history, thin, err);
    sqlite3_finalize(thin);
    return code;
}

int history_thin(struct history *history, int64_t now, struct err *err)
{
    const int64_t minute = 60 * CLOCK_SECOND, day = 24 * 60 * minute;
    int code = history_exec(history, "BEGIN IMMEDIATE", err);
    if (code < 0)
        return code;
    sqlite3_stmt *forget = history_prepare(history, "DELETE FROM sample WHERE at < ?", err);
    code = forget == NULL ? ERR_PEER : 0;
    if (code == 0) {
        sqlite3_bind_int64(forget, 1, now - 90 * day);
        code = history_run(history, forget, err);
    }
    sqlite3_finalize(forget);
    if (code == 0)
        code = keep_one_per(history, now - 7 * day, day, err);
    if (code == 0)
        code = keep_one_per(history, now - day, 15 * minute, err);
    return history_end(history, code, err);
}

/* How old what is remembered may become before the same is written again. */
#define SEEN_AGAIN (24 * 3600 * CLOCK_SECOND)

enum path_kind { PATH_FILE, PATH_CACHE };

void history_project_done(struct history_project *project)
{
    free(project->name);
    strlist_done(&project->files);
    strlist_done(&project->caches);
}

void history_projects_free(struct history_project *projects, size_t len)
{
    for (size_t i = 0; i < len; i++)
        history_project_done(&projects[i]);
    free(projects);
}

/* The files in one text, by which a project is known. */
static char *key_of(const struct history_project *project)
{
    struct buf key = {0};
    for (size_t i = 0; i < project->files.len; i++)
        buf_printf(&key, "%s%s", i > 0 ? "\n" : "", project->files.items[i]);
    buf_append(&key, "", 0);
    return buf_take(&key);
}

/* ----------------------------------------------------------------- reading */

/* Nothing is concluded from what is left of a damaged one: it may name anything. */
static int damaged(int64_t id, struct err *err)
{
    return err_set(err, ERR_FORMAT, "reading the history: project %lld is damaged", (long long)id);
}

static int read_paths(struct history *history, int64_t id, enum path_kind kind,
                      struct strlist *paths, struct err *err)
{
    sqlite3_stmt *select =
        history_prepare(history,
                        "SELECT path FROM project_path WHERE project = ? AND kind = ?"
                        " ORDER BY position",
                        err);
    if (select == NULL)
        return ERR_PEER;
    sqlite3_bind_int64(select, 1, id);
    sqlite3_bind_int(select, 2, kind);
    int step;
    while ((step = sqlite3_step(select)) == SQLITE_ROW) {
        char *path;
        if (!history_text(select, 0, true, &path)) {
            sqlite3_finalize(select);
            return damaged(id, err);
        }
        strlist_put(paths, path);
    }
    sqlite3_finalize(select);
    return step == SQLITE_DONE
               ? 0
               : err_set(err, ERR_PEER, "reading the history: %s", sqlite3_errmsg(history->db));
}

static int read_project(struct history *history, sqlite3_stmt *select,
                        struct history_project *project, struct err *err)
{
    *project = (struct history_project){.seen_at = 0};
    if (!history_number(select, 0, 1, INT64_MAX, &project->id) ||
        !history_text(select, 1, true, &project->name) ||
        !history_number(select, 2, 0, INT64_MAX, &project->seen_at))
        return damaged(sqlite3_column_int64(select, 0), err);
    int code = read_paths(history, project->id, PATH_FILE, &project->files, err);
    return code == 0 ? read_paths(history, project->id, PATH_CACHE, &project->caches, err) : code;
}

static bool has_projects(struct history *history)
{
    sqlite3_stmt *select = history_prepare(
        history, "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'project'", NULL);
    bool found = select != NULL && sqlite3_step(select) == SQLITE_ROW;
    sqlite3_finalize(select);
    return found;
}

int history_projects(struct history *history, struct history_project **ret_projects,
                     size_t *ret_len, struct err *err)
{
    struct history_project *projects = NULL;
    size_t len = 0, cap = 0;
    int code = 0, step = SQLITE_DONE;
    sqlite3_stmt *select = NULL;
    if (has_projects(history)) {
        select = history_prepare(history, "SELECT id, name, seen_at FROM project ORDER BY id", err);
        if (select == NULL)
            return ERR_PEER;
        while (code == 0 && (step = sqlite3_step(select)) == SQLITE_ROW) {
            mem_reserve((void **)&projects, &cap, len + 1, sizeof *projects);
            code = read_project(history, select, &projects[len++], err);
        }
    }
    if (code == 0 && step != SQLITE_DONE)
        code = err_set(err, ERR_PEER, "reading the history: %s", sqlite3_errmsg(history->db));
    sqlite3_finalize(select);
    if (code < 0) {
        history_projects_free(projects, len);
        return code;
    }
    *ret_projects = projects;
    *ret_len = len;
    return 0;
}

/* ----------------------------------------------------------------- writing */

/* Is just this remembered, and not for long? */
static bool is_known(struct history *history, const char *key,
                     const struct history_project *project)
{
    sqlite3_stmt *select =
        history_prepare(history, "SELECT id, name, seen_at FROM project WHERE files = ?", NULL);
    bool known = false;
    if (select == NULL)
        return false;
    sqlite3_bind_text(select, 1, key, -1, SQLITE_STATIC);
    if (sqlite3_step(select) == SQLITE_ROW) {
        struct history_project old;
        int64_t since = project->seen_at - sqlite3_column_int64(select, 2);
        known = read_project(history, select, &old, NULL) == 0 && since >= 0 &&
                since < SEEN_AGAIN && old.name != NULL && strcmp(old.name, project->name) == 0 &&
                strlist_equal(&old.caches, &project->caches);
        history_project_done(&old);
    }
    sqlite3_finalize(select);
    return known;
}

static int add_paths(struct history *history, int64_t id, enum path_kind kind,
                     const struct strlist *paths, struct err *err)
{
    sqlite3_stmt *insert = history_prepare(
        history, "INSERT INTO project_path(project, kind, position, path) VALUES(?, ?, ?, ?)", err);
    int code = insert == NULL ? ERR_PEER : 0;
    for (size_t i = 0; i < paths->len && code == 0; i++) {
        sqlite3_bind_int64(insert, 1, id);
        sqlite3_bind_int(insert, 2, kind);
        sqlite3_bind_int64(insert, 3, (int64_t)i);
        sqlite3_bind_text(insert, 4, paths->items[i], -1, SQLITE_STATIC);
        code = history_run(history, insert, err);
    }
    sqlite3_finalize(insert);
    return code;
}

static int run_with(struct history *history, const char *sql, const char *key,
                    const struct history_project *project, struct err *err)
{
    sqlite3_stmt *statement = history_prepare(history, sql, err);
    if (statement == NULL)
        return ERR_PEER;
    sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    if (project != NULL) {
        sqlite3_bind_text(statement, 2, project->name, -1, SQLITE_STATIC);
        sqlite3_bind_int64(statement, 3, project->seen_at);
    }
    int code = history_run(history, statement, err);
    sqlite3_finalize(statement);
    return code;
}

int history_put_project(struct history *history, const struct history_project *project,
                        struct err *err)
{
    char *key = key_of(project);
    if (is_known(history, key, project)) {
        free(key);
        return 0;
    }
    int code = history_exec(history, "BEGIN IMMEDIATE", err);
    if (code == 0) {
        code = run_with(history, "DELETE FROM project WHERE files = ?", key, NULL, err);
        if (code == 0)
            code = run_with(history, "INSERT INTO project(files, name, seen_at) VALUES(?, ?, ?)",
                            key, project, err);
        int64_t id = sqlite3_last_insert_rowid(history->db);
        if (code == 0)
            code = add_paths(history, id, PATH_FILE, &project->files, err);
        if (code == 0)
            code = add_paths(history, id, PATH_CACHE, &project->caches, err);
        code = history_end(history, code, err);
    }
    free(key);
    return code;
}

int history_forget_project(struct history *history, int64_t id, struct err *err)
{
    sqlite3_stmt *forget = history_prepare(history, "DELETE FROM project WHERE id = ?", err);
    if (forget == NULL)
        return ERR_PEER;
    sqlite3_bind_int64(forget, 1, id);
    int code = history_run(history, forget, err);
    sqlite3_finalize(forget);
    return code;
}
