#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/build/build.h"
#include "core/store/history_db.h"

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

static void read_row(sqlite3_stmt *row, struct history_build *ret_build)
{
    *ret_build = (struct history_build){
        .id = sqlite3_column_int64(row, 0),
        .project = history_text(row, 1),
        .service = history_text(row, 2),
        .kind = history_text(row, 3),
        .first_miss = history_text(row, 4),
        .tools = history_text(row, 5),
        .state = sqlite3_column_int(row, 6),
        .exit_status = sqlite3_column_int(row, 7),
        .started_at = sqlite3_column_int64(row, 8),
        .duration_ms = sqlite3_column_int64(row, 9),
        .added_bytes = sqlite3_column_int64(row, 10),
        .why = history_text(row, 11),
        .error = history_text(row, 12),
        .args = history_text(row, 13),
    };
}

int history_builds(struct history *history, const char *service, size_t limit,
                   struct history_build **ret_builds, size_t *ret_len, struct err *err)
{
    sqlite3_stmt *select = history_prepare(
        history,
        "SELECT " BUILD_COLUMNS " FROM build WHERE ?1 IS NULL OR service = ?1"
        " ORDER BY started_at DESC, id DESC LIMIT ?2",
        err);
    if (select == NULL)
        return ERR_PEER;
    struct history_build *builds = NULL;
    size_t len = 0, cap = 0;
    sqlite3_bind_text(select, 1, service, -1, SQLITE_STATIC);
    sqlite3_bind_int64(select, 2, (sqlite3_int64)limit);
    while (sqlite3_step(select) == SQLITE_ROW) {
        mem_reserve((void **)&builds, &cap, len + 1, sizeof *builds);
        read_row(select, &builds[len++]);
    }
    sqlite3_finalize(select);
    *ret_builds = builds;
    *ret_len = len;
    return 0;
}

int history_read_steps(struct history *history, struct history_build *build, struct err *err)
{
    sqlite3_stmt *select = history_prepare(
        history,
        "SELECT service, stage, instruction, state, duration_ms, place, start_ms FROM step"
        " WHERE build = ? ORDER BY position",
        err);
    if (select == NULL)
        return ERR_PEER;
    size_t cap = 0;
    sqlite3_bind_int64(select, 1, build->id);
    while (sqlite3_step(select) == SQLITE_ROW) {
        mem_reserve((void **)&build->steps, &cap, build->steps_len + 1, sizeof *build->steps);
        build->steps[build->steps_len++] = (struct history_step){
            .service = history_text(select, 0),
            .stage = history_text(select, 1),
            .instruction = history_text(select, 2),
            .state = sqlite3_column_int(select, 3),
            .duration_ms = sqlite3_column_int64(select, 4),
            .index = sqlite3_column_int(select, 5),
            .start_ms = sqlite3_column_int64(select, 6),
        };
    }
    sqlite3_finalize(select);
    return 0;
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
    bool found = sqlite3_step(select) == SQLITE_ROW;
    if (found)
        read_row(select, &build);
    sqlite3_finalize(select);
    if (!found)
        return err_set(err, -ENOENT, "reading the history: there is no build %lld", (long long)id);
    int code = history_read_steps(history, &build, err);
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
    while (sqlite3_step(select) == SQLITE_ROW) {
        mem_reserve((void **)&times, &cap, len + 1, sizeof *times);
        times[len++] = (struct history_step_time){
            .instruction = history_text(select, 0),
            .duration_ms = sqlite3_column_int64(select, 1),
        };
    }
    sqlite3_finalize(select);
    *ret_times = times;
    *ret_len = len;
    return 0;
}

void history_build_done(struct history_build *build)
{
    for (size_t i = 0; i < build->steps_len; i++) {
        free(build->steps[i].service);
        free(build->steps[i].stage);
        free(build->steps[i].instruction);
    }
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
