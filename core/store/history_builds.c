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
        code = err_set(err, ERR_FORMAT, "reading the history: build %lld is damaged",
                       (long long)id);
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
