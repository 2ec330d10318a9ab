#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/store/history_db.h"

/* How old what is remembered may become before the same is written again. */
#define SEEN_AGAIN (24 * 3600 * CLOCK_SECOND)

enum path_kind { PATH_FILE, PATH_CACHE };

void history_project_done(struct history_project *project)
{
    free(project->name);
    words_done(&project->files);
    words_done(&project->caches);
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
                      struct words *paths, struct err *err)
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
        words_put(paths, path);
    }
    sqlite3_finalize(select);
    return step == SQLITE_DONE ? 0 : err_set(err, ERR_PEER, "reading the history: %s",
                                             sqlite3_errmsg(history->db));
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
                words_equal(&old.caches, &project->caches);
        history_project_done(&old);
    }
    sqlite3_finalize(select);
    return known;
}

static int add_paths(struct history *history, int64_t id, enum path_kind kind,
                     const struct words *paths, struct err *err)
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
