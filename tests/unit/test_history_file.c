/* The history is a file of ours that anything can have been done to: what it is,
 * who may read it, what stands in it, and what a failing disk makes of it. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/builds/build.h"
#include "core/history/history.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"

#define LEN(array) (sizeof(array) / sizeof(array)[0])
#define NOBODY 65534

struct place {
    char *dir, *path;
};

static int set_up(void **state)
{
    struct place *place = mem_zalloc(sizeof *place);
    place->dir = tempdir_new();
    place->path = path_join(place->dir, "bilge/history.db");
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    tempdir_free(place->dir);
    free(place->path);
    free(place);
    return 0;
}

static char *beside(const struct place *place, const char *ending)
{
    return mem_printf("%s%s", place->path, ending);
}

static struct history_build a_build(const char *service, int64_t started_at,
                                    struct history_step *steps, size_t len)
{
    return (struct history_build){.project = (char *)"tasker",
                                  .service = (char *)service,
                                  .kind = (char *)"code changed",
                                  .tools = (char *)"docker 26.1.5",
                                  .args = (char *)"A=1\nB=2\n",
                                  .state = BUILD_DONE,
                                  .started_at = started_at,
                                  .duration_ms = 4200,
                                  .added_bytes = 300,
                                  .steps = steps,
                                  .steps_len = len};
}

/* As after some weeks: builds with steps, samples, layers. */
static void fill(struct history *history)
{
    for (int64_t i = 0; i < 40; i++) {
        struct history_step steps[] = {
            {.stage = (char *)"builder",
             .instruction = (char *)"RUN make",
             .state = STEP_DONE,
             .index = 1,
             .duration_ms = 9 + i,
             .start_ms = 77},
            {.service = (char *)"api",
             .instruction = (char *)"COPY a b",
             .state = STEP_CACHED,
             .index = 2,
             .start_ms = -1},
        };
        struct history_build build = a_build(i % 2 == 0 ? "api" : "web", 1000 + i, steps, 2);
        const struct history_sample samples[] = {{"free:/", i, 1000 - i}, {"cache:/a", i, i}};
        const struct history_layer layer = {1000 + i, "RUN make a layer"};
        assert_int_equal(0, history_add_build(history, &build, NULL));
        assert_int_equal(0, history_add_samples(history, samples, 2, NULL));
        assert_int_equal(0, history_add_layers(history, &layer, 1, NULL));
    }
}

static void make(const struct place *place)
{
    struct history *history;
    struct err err;
    if (history_open(place->path, &history, &err) < 0)
        fail_msg("%s", err.text);
    fill(history);
    history_close(history);
}

/* ---------------------------------------------------------------- the file */

static void nobody_else_may_read_it(void **state)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    struct place *place = *state;
    struct history *history;
    struct stat stat_of;
    mode_t before = umask(0);
    assert_int_equal(0, history_open(place->path, &history, NULL));
    fill(history);
    for (size_t i = 0; i < LEN(endings); i++) {
        char *path = beside(place, endings[i]);
        assert_int_equal(0, stat(path, &stat_of));
        assert_int_equal(0600, stat_of.st_mode & 07777);
        free(path);
    }
    char *directory = path_parent(place->path);
    assert_int_equal(0, stat(directory, &stat_of));
    assert_int_equal(0700, stat_of.st_mode & 07777);
    free(directory);
    history_close(history);
    umask(before);
}

static void one_that_others_may_read_is_closed_to_them(void **state)
{
    struct place *place = *state;
    struct history *history;
    struct stat stat_of;
    make(place);
    chmod(place->path, 0644);
    char *wal = beside(place, "-wal");
    file_write_text(place->dir, "bilge/history.db-wal", "");
    chmod(wal, 0666);
    assert_int_equal(0, history_open(place->path, &history, NULL));
    assert_int_equal(0, stat(place->path, &stat_of));
    assert_int_equal(0600, stat_of.st_mode & 07777);
    assert_int_equal(0, stat(wal, &stat_of));
    assert_int_equal(0600, stat_of.st_mode & 07777);
    history_close(history);
    free(wal);
}

static void refuses(const struct place *place, int code, const char *words)
{
    struct history *history = NULL;
    struct err err = {0};
    int got = history_open(place->path, &history, &err);
    if (got != code || strstr(err.text, words) == NULL)
        fail_msg("%d \"%s\"", got, err.text);
    assert_null(history);
}

/* In the place of the file, and of each one that SQLite keeps beside it. */
static void only_regular_files_are_opened(void **state)
{
    static const char *const endings[] = {"", "-journal", "-wal", "-shm"};
    struct place *place = *state;
    for (size_t i = 0; i < LEN(endings); i++) {
        char *path = beside(place, endings[i]), *target = path_join(place->dir, "target");
        make(place);
        file_write_text(place->dir, "target", "precious");
        unlink(path);
        assert_int_equal(0, mkfifo(path, 0600));
        refuses(place, ERR_FOREIGN, "not a regular file");
        unlink(path);
        assert_int_equal(0, symlink(target, path));
        refuses(place, ERR_FOREIGN, "not a regular file");
        unlink(target); /* it leads nowhere: nothing is made there */
        refuses(place, ERR_FOREIGN, "not a regular file");
        assert_false(file_exists(place->dir, "target"));
        unlink(path);
        assert_int_equal(0, mkdir(path, 0700));
        refuses(place, ERR_FOREIGN, "not a regular file");
        rmdir(path);
        free(path);
        free(target);
    }
    make(place);
}

static void its_directories_may_be_symlinks(void **state)
{
    struct place *place = *state;
    char *real = path_join(place->dir, "real"), *link = path_join(place->dir, "bilge");
    dir_make(place->dir, "real");
    assert_int_equal(0, symlink(real, link));
    make(place);
    assert_true(file_exists(place->dir, "real/history.db"));
    free(real);
    free(link);
}

static void anothers_is_left_alone(void **state)
{
    struct place *place = *state;
    char *directory = path_parent(place->path), *journal = beside(place, "-journal");
    if (geteuid() == 0) {
        make(place);
        assert_int_equal(0, chown(place->path, NOBODY, NOBODY));
        refuses(place, ERR_FOREIGN, "belongs to another user");
        assert_int_equal(0, chown(place->path, 0, 0));
        file_write_text(place->dir, "bilge/history.db-journal", "");
        assert_int_equal(0, chown(journal, NOBODY, NOBODY));
        refuses(place, ERR_FOREIGN, "belongs to another user");
        /* And a directory of somebody else, for who is not root. */
        chmod(place->dir, 0777);
        chmod(directory, 0777);
        assert_int_equal(0, chown(directory, NOBODY - 1, NOBODY));
        assert_int_equal(0, seteuid(NOBODY));
        refuses(place, ERR_FOREIGN, "its directory belongs to another user");
        assert_int_equal(0, seteuid(0));
    }
    free(directory);
    free(journal);
}

/* sudo bilge, with the home of who called it. */
static void root_gives_it_to_the_owner_of_the_place(void **state)
{
    struct place *place = *state;
    struct stat stat_of;
    if (geteuid() != 0)
        skip();
    dir_make(place->dir, "bilge");
    char *directory = path_parent(place->path);
    assert_int_equal(0, chown(directory, NOBODY, NOBODY));
    make(place);
    assert_int_equal(0, stat(place->path, &stat_of));
    assert_int_equal(NOBODY, stat_of.st_uid);
    chmod(place->dir, 0755);
    assert_int_equal(0, seteuid(NOBODY));
    make(place); /* the owner goes on with it */
    assert_int_equal(0, seteuid(0));
    make(place); /* and so does root */
    free(directory);
}

/* ------------------------------------------------------------------ values */

static void change(const struct place *place, const char *sql)
{
    sqlite3 *db;
    char *error = NULL;
    assert_int_equal(SQLITE_OK, sqlite3_open(place->path, &db));
    if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK)
        fail_msg("%s: %s", sql, error);
    sqlite3_close(db);
}

/* All that is ever read; what comes must be fit to be shown. Returns how many
 * builds came, or the error. */
static int read_all(struct history *history, size_t *ret_steps, size_t *ret_points)
{
    static const char *const series[] = {"free:/", "cache:/a", "nosuch"};
    const int64_t wanted[] = {1000, 1020, 7};
    struct history_build *builds = NULL;
    struct history_step_time *times = NULL;
    char *texts[3] = {NULL, NULL, NULL};
    size_t len = 0, times_len = 0;
    int code = history_builds(history, NULL, 100, &builds, &len, NULL);
    *ret_steps = *ret_points = 0;
    for (size_t i = 0; code == 0 && i < len; i++) {
        struct history_build again;
        const struct history_build *build = &builds[i];
        history_read_steps(history, &builds[i], NULL);
        assert_non_null(build->service);
        assert_non_null(build_state_name((enum build_state)build->state));
        assert_true(build->started_at >= 0 && build->duration_ms >= 0);
        for (size_t k = 0; k < build->steps_len; k++) {
            const struct history_step *step = &build->steps[k];
            assert_non_null(step->instruction);
            assert_non_null(step_state_name((enum step_state)step->state));
            assert_true(step->duration_ms >= 0 && step->start_ms >= -1 && step->index >= 0);
        }
        *ret_steps += build->steps_len;
        if (history_build(history, build->id, &again, NULL) == 0)
            history_build_done(&again);
    }
    for (size_t i = 0; i < LEN(series); i++) {
        struct history_point *points = NULL;
        size_t points_len = 0;
        if (history_points(history, series[i], 0, &points, &points_len, NULL) == 0)
            for (size_t k = 0; k < points_len; k++)
                assert_true(points[k].at >= 0 && points[k].bytes >= 0 &&
                            (k == 0 || points[k].at > points[k - 1].at));
        *ret_points += points_len;
        free(points);
    }
    if (history_step_times(history, &times, &times_len, NULL) == 0)
        for (size_t i = 0; i < times_len; i++) {
            assert_non_null(times[i].instruction);
            assert_true(times[i].duration_ms >= 0);
            free(times[i].instruction);
        }
    free(times);
    history_find_layers(history, wanted, 3, texts, NULL);
    for (size_t i = 0; i < 3; i++)
        free(texts[i]);
    history_builds_free(builds, code == 0 ? len : 0);
    return code < 0 ? code : (int)len;
}

static void values_that_make_no_sense_are_left_out(void **state)
{
    static const struct {
        const char *sql;
        int builds;
        size_t steps, points;
    } cases[] = {
        {"SELECT 1", 40, 80, 80},
        {"UPDATE build SET state = 99 WHERE id = 3", 39, 78, 80},
        {"UPDATE build SET state = -1 WHERE id = 3", 39, 78, 80},
        {"UPDATE build SET state = 0 WHERE id = 3", 39, 78, 80}, /* it runs? */
        {"UPDATE build SET state = 9223372036854775807 WHERE id = 3", 39, 78, 80},
        {"UPDATE build SET state = 4294967298 WHERE id = 3", 39, 78, 80}, /* 2, cut to an int */
        {"UPDATE build SET state = 'done' WHERE id = 3", 39, 78, 80},
        {"UPDATE build SET state = x'02' WHERE id = 3", 39, 78, 80},
        {"UPDATE build SET state = 2.5 WHERE id = 3", 39, 78, 80},
        {"UPDATE build SET started_at = -5 WHERE id = 3", 39, 78, 80},
        {"UPDATE build SET started_at = 'yesterday' WHERE id = 3", 39, 78, 80},
        {"UPDATE build SET duration_ms = -1 WHERE id = 3", 39, 78, 80},
        {"UPDATE build SET duration_ms = 9223372036854775807 WHERE id = 3", 39, 78, 80},
        {"UPDATE build SET added_bytes = 9223372036854775807 WHERE id = 3", 39, 78, 80},
        {"UPDATE build SET added_bytes = -9223372036854775808 WHERE id = 3", 39, 78, 80},
        {"UPDATE build SET added_bytes = -300 WHERE id = 3", 40, 80, 80}, /* it has shrunk */
        {"UPDATE build SET exit_status = 4294967296 WHERE id = 3", 39, 78, 80},
        {"UPDATE build SET service = x'616200ff' WHERE id = 3", 39, 78, 80},
        {"UPDATE build SET service = 7 WHERE id = 3", 40, 80, 80}, /* a text all the same */
        {"UPDATE build SET args = zeroblob(100) WHERE id = 3", 39, 78, 80},
        {"UPDATE build SET args = hex(zeroblob(700000)) WHERE id = 3", 39, 78, 80},
        {"UPDATE build SET id = -3 WHERE id = 3", 39, 78, 80},
        {"UPDATE step SET state = 77 WHERE build = 3", 40, 78, 80},
        {"UPDATE step SET state = -1 WHERE build = 3 AND position = 1", 40, 79, 80},
        {"UPDATE step SET instruction = x'00' WHERE build = 3 AND position = 1", 40, 79, 80},
        {"UPDATE step SET duration_ms = -9 WHERE build = 3", 40, 80, 80},
        {"UPDATE step SET duration_ms = 9223372036854775807", 40, 80, 80},
        {"UPDATE step SET start_ms = -9223372036854775808", 40, 80, 80},
        {"UPDATE step SET place = 9223372036854775807", 40, 80, 80},
        {"UPDATE sample SET bytes = -1 WHERE at = 3", 40, 80, 78},
        {"UPDATE sample SET bytes = 9223372036854775807 WHERE at = 3", 40, 80, 78},
        {"UPDATE sample SET bytes = 'much' WHERE at = 3", 40, 80, 78},
        {"UPDATE sample SET at = 9223372036854775807 WHERE at = 3", 40, 80, 78},
        {"UPDATE layer SET text = x'6100'", 40, 80, 80},
        {"UPDATE layer SET text = hex(zeroblob(700000))", 40, 80, 80},
        {"DELETE FROM step", 40, 0, 80},
        /* The schema gets no say. */
        {"CREATE TRIGGER t AFTER INSERT ON build BEGIN DELETE FROM build; END", 40, 80, 80},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        void *own;
        struct history *history;
        size_t steps, points;
        set_up(&own);
        make(own);
        change(own, "PRAGMA foreign_keys=OFF; PRAGMA ignore_check_constraints=ON");
        change(own, cases[i].sql);
        assert_int_equal(0, history_open(((struct place *)own)->path, &history, NULL));
        int builds = read_all(history, &steps, &points);
        if (builds != cases[i].builds || steps != cases[i].steps || points != cases[i].points)
            fail_msg("%s: %d builds, %zu steps, %zu points", cases[i].sql, builds, steps, points);
        struct history_build more = a_build("more", 5000, NULL, 0);
        assert_int_equal(0, history_add_build(history, &more, NULL));
        assert_int_equal(builds + 1, read_all(history, &steps, &points));
        history_close(history);
        tear_down(&own);
    }
}

/* Without NOT NULL, and with whatever else a table of that name can be. */
static void another_schema_is_an_error_or_empty(void **state)
{
    static const char *const schemas[] = {
        "DROP TABLE build",
        "DROP TABLE step; DROP TABLE sample; DROP TABLE layer",
        "DROP TABLE build; CREATE TABLE build(id INTEGER PRIMARY KEY)",
        "DROP TABLE build; CREATE VIEW build AS SELECT 1 AS id, 'p' AS project, 's' AS service, "
        "'k' AS kind, 'f' AS first_miss, 't' AS tools, 2 AS state, 0 AS exit_status, "
        "1 AS started_at, 1 AS duration_ms, 0 AS added_bytes, '' AS why, '' AS error, '' AS args",
        "DROP TABLE build; CREATE TABLE build(id INTEGER PRIMARY KEY, project, service, kind, "
        "first_miss, tools, state, exit_status, started_at, duration_ms, added_bytes, why, error, "
        "args); INSERT INTO build(id) VALUES(1), (2)",
        "DROP TABLE step; CREATE TABLE step(build, position, service, stage, instruction, state, "
        "duration_ms, place, start_ms); INSERT INTO step(build) SELECT id FROM build",
        "DROP TABLE step; CREATE VIEW step AS WITH RECURSIVE n(build) AS (SELECT 1 UNION ALL "
        "SELECT build FROM n) SELECT build, 1 AS position, '' AS service, '' AS stage, "
        "'x' AS instruction, 99 AS state, 0 AS duration_ms, 0 AS place, 0 AS start_ms FROM n",
        "PRAGMA user_version = -1",
        "PRAGMA user_version = 2147483647",
        "PRAGMA user_version = 1",
        "PRAGMA user_version = 0",
    };
    (void)state;
    for (size_t i = 0; i < LEN(schemas); i++) {
        void *own;
        struct history *history;
        struct err err;
        size_t steps, points;
        set_up(&own);
        make(own);
        change(own, schemas[i]);
        if (history_open(((struct place *)own)->path, &history, &err) == 0) {
            read_all(history, &steps, &points);
            struct history_build more = a_build("more", 5000, NULL, 0);
            history_add_build(history, &more, NULL);
            history_thin(history, 1000, NULL);
            history_close(history);
        } else {
            assert_true(err.text[0] != '\0');
        }
        tear_down(&own);
    }
}

/* ------------------------------------------------------------------ damage */

static uint32_t seed = 20261130;

static uint32_t dice(uint32_t sides)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % sides;
}

/* As each round likes: a bit, a run of bytes, a page, the end. */
static void damage(char *bytes, size_t *len, int round)
{
    size_t at = round < 100 ? (size_t)round : dice((uint32_t)*len); /* the header, byte by byte */
    size_t run = round % 3 == 0 ? 1 : 1 + dice(64);
    switch (round % 5) {
    case 0:
        bytes[at] = (char)(bytes[at] ^ (1 << dice(8)));
        break;
    case 1:
        for (size_t i = at; i < at + run && i < *len; i++)
            bytes[i] = (char)dice(256);
        break;
    case 2:
        for (size_t i = at; i < at + run && i < *len; i++)
            bytes[i] = (char)(round % 2 == 0 ? 0xff : 0);
        break;
    case 3: /* a page becomes a copy of another */
        memmove(bytes + (at / 4096) * 4096, bytes + (dice((uint32_t)(*len / 4096))) * 4096, 4096);
        break;
    default:
        *len = at;
    }
}

static void use(const struct place *place)
{
    struct history *history;
    struct err err = {0};
    size_t steps, points;
    if (history_open(place->path, &history, &err) < 0) {
        assert_true(err.text[0] != '\0');
        return;
    }
    read_all(history, &steps, &points);
    struct history_build more = a_build("more", 5000, NULL, 0);
    const struct history_sample sample = {"free:/", 90, 1};
    history_add_build(history, &more, NULL);
    history_add_samples(history, &sample, 1, NULL);
    history_thin(history, 100 * 86400 * CLOCK_SECOND, NULL);
    history_close(history);
}

static void a_damaged_one_is_survived(void **state)
{
    static const char *const names[] = {"bilge/history.db", "bilge/history.db-wal"};
    struct place *place = *state;
    make(place);
    size_t lens[2];
    char *sound[2];
    sound[0] = file_read(place->dir, names[0], &lens[0]);
    /* A write-ahead log as a killed bilge leaves it. */
    struct history *history;
    assert_int_equal(0, history_open(place->path, &history, NULL));
    fill(history);
    sound[1] = file_read(place->dir, names[1], &lens[1]);
    history_close(history);
    assert_true(lens[1] > 0);
    for (int round = 0; round < 300; round++) {
        int which = round % 6 == 5; /* mostly the file itself */
        char *bytes = mem_alloc(lens[which]);
        size_t len = lens[which];
        char *shm = beside(place, "-shm");
        unlink(shm);
        free(shm);
        memcpy(bytes, sound[which], len);
        damage(bytes, &len, round);
        file_write(place->dir, names[0], sound[0], lens[0]);
        file_write(place->dir, names[1], sound[1], round % 2 == 0 ? 0 : lens[1]);
        file_write(place->dir, names[which], bytes, len);
        use(place);
        free(bytes);
    }
    free(sound[0]);
    free(sound[1]);
}

static void a_limit_on_the_size_of_files_is_an_error(void **state)
{
    struct place *place = *state;
    struct history *history;
    struct rlimit before, small = {0};
    struct err err = {0};
    assert_int_equal(0, history_open(place->path, &history, NULL));
    getrlimit(RLIMIT_FSIZE, &before);
    small.rlim_cur = 64 * 1024;
    small.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN); /* as the program does */
    setrlimit(RLIMIT_FSIZE, &small);
    int code = 0;
    for (int i = 0; i < 500 && code == 0; i++) {
        struct history_build build = a_build("api", i, NULL, 0);
        code = history_add_build(history, &build, &err);
    }
    setrlimit(RLIMIT_FSIZE, &before);
    assert_true(code < 0);
    assert_non_null(strstr(err.text, "history"));
    struct history_build build = a_build("api", 1, NULL, 0);
    assert_int_equal(0, history_add_build(history, &build, NULL)); /* there is room again */
    history_close(history);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(nobody_else_may_read_it),
        CASE(one_that_others_may_read_is_closed_to_them),
        CASE(only_regular_files_are_opened),
        CASE(its_directories_may_be_symlinks),
        CASE(anothers_is_left_alone),
        CASE(root_gives_it_to_the_owner_of_the_place),
        cmocka_unit_test(values_that_make_no_sense_are_left_out),
        cmocka_unit_test(another_schema_is_an_error_or_empty),
        CASE(a_damaged_one_is_survived),
        CASE(a_limit_on_the_size_of_files_is_an_error),
    };
    limit_program(300);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
