#include "core/store/history_db.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/base/path.h"

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

int history_exec(struct history *history, const char *sql, struct err *err)
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

bool history_next(sqlite3_stmt *statement)
{
    return sqlite3_step(statement) == SQLITE_ROW;
}

int history_close_rows(struct history *history, sqlite3_stmt *statement, struct err *err)
{
    return sqlite3_finalize(statement) == SQLITE_OK ? 0 : fail(history, "reading", err);
}

bool history_number(sqlite3_stmt *statement, int column, int64_t least, int64_t most,
                    int64_t *ret_number)
{
    int64_t number = sqlite3_column_int64(statement, column);
    if (sqlite3_column_type(statement, column) != SQLITE_INTEGER || number < least ||
        number > most)
        return false;
    *ret_number = number;
    return true;
}

bool history_text(sqlite3_stmt *statement, int column, bool needed, char **ret_text)
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

/* The file and those that SQLite keeps beside it. */
static int check_files(const char *path, const struct stat *directory, struct err *err)
{
    static const char *const endings[] = {"-journal", "-wal", "-shm", ""};
    bool found = false;
    int code = 0;
    for (size_t i = 0; i < sizeof endings / sizeof endings[0] && code == 0; i++) {
        char *file = mem_printf("%s%s", path, endings[i]);
        code = check_file(file, directory, &found, err);
        free(file);
    }
    return code == 0 && !found ? make_file(path, directory, err) : code;
}

/* The path with its directories resolved, which may be symlinks; the file itself
 * may not. */
static int find_file(const char *path, char **ret_path, struct err *err)
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
        code = check_files(file, &directory, err);
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
        code = find_file(path, &file, err);
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
