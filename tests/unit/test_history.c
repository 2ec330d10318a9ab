/* What is remembered comes back, is thinned, and is never in the way. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/history/history.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"

#define MINUTE (60 * CLOCK_SECOND)
#define DAY (24 * 60 * MINUTE)
#define LARGE (INT64_C(1) << 60)
#define LEN(array) (sizeof(array) / sizeof(array)[0])

struct place {
    char *dir, *path;
    struct history *history;
};

static int set_up(void **state)
{
    struct place *place = mem_zalloc(sizeof *place);
    place->dir = tempdir_new();
    place->path = path_join(place->dir, "made/on/the/way/history.db");
    assert_int_equal(0, history_open(place->path, &place->history, NULL));
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    history_close(place->history);
    tempdir_free(place->dir);
    free(place->path);
    free(place);
    return 0;
}

static void reopen(struct place *place)
{
    history_close(place->history);
    assert_int_equal(0, history_open(place->path, &place->history, NULL));
}

static void layers_keep_their_first_text(void **state)
{
    struct place *place = *state;
    const struct history_layer first[] = {{1001, "RUN make"}, {1002, "COPY . ."}};
    const struct history_layer second[] = {{1001, "imported sha256:00"}};
    const int64_t asked[] = {1002, 7, 1001};
    char *texts[3];
    assert_int_equal(0, history_add_layers(place->history, first, 2, NULL));
    assert_int_equal(0, history_add_layers(place->history, second, 1, NULL));
    reopen(place);
    assert_int_equal(0, history_find_layers(place->history, asked, 3, texts, NULL));
    assert_string_equal("COPY . .", texts[0]);
    assert_null(texts[1]);
    assert_string_equal("RUN make", texts[2]);
    free(texts[0]);
    free(texts[2]);
}

static size_t count_points(struct place *place, const char *series, int64_t since)
{
    struct history_point *points;
    size_t len;
    assert_int_equal(0, history_points(place->history, series, since, &points, &len, NULL));
    for (size_t i = 1; i < len; i++)
        assert_true(points[i - 1].at < points[i].at);
    free(points);
    return len;
}

static void samples_are_told_apart_by_series_and_time(void **state)
{
    struct place *place = *state;
    const struct history_sample samples[] = {
        {"free:/", 30, 1}, {"free:/", 10, LARGE}, {"free:/", 20, 3}, {"cache:/a", 10, 4}};
    assert_int_equal(0, history_add_samples(place->history, samples, 4, NULL));
    assert_int_equal(3, count_points(place, "free:/", 0));
    assert_int_equal(2, count_points(place, "free:/", 20));
    assert_int_equal(1, count_points(place, "cache:/a", 0));
    assert_int_equal(0, count_points(place, "cache:/b", 0));

    struct history_point *points;
    size_t len;
    assert_int_equal(0, history_points(place->history, "free:/", 0, &points, &len, NULL));
    assert_true(points[0].at == 10 && points[0].bytes == LARGE);
    free(points);
}

static void add_every(struct place *place, int64_t from, int64_t to, int64_t step)
{
    for (int64_t at = from; at < to; at += step) {
        const struct history_sample sample = {"free:/", at, at};
        assert_int_equal(0, history_add_samples(place->history, &sample, 1, NULL));
    }
}

static void old_samples_are_thinned(void **state)
{
    struct place *place = *state;
    const int64_t now = 1000 * DAY;
    add_every(place, now - 2 * 60 * MINUTE, now, MINUTE);                 /* stays: 120 */
    add_every(place, now - 3 * DAY, now - 3 * DAY + 60 * MINUTE, MINUTE); /* one a quarter: 4 */
    add_every(place, now - 30 * DAY, now - 29 * DAY, 60 * MINUTE);        /* one a day: 1 */
    add_every(place, now - 90 * DAY, now - 89 * DAY, 6 * 60 * MINUTE); /* just not forgotten: 1 */
    add_every(place, now - 95 * DAY, now - 94 * DAY, 60 * MINUTE);     /* forgotten */
    assert_int_equal(0, history_thin(place->history, now, NULL));
    assert_int_equal(120, count_points(place, "free:/", now - DAY));
    assert_int_equal(124, count_points(place, "free:/", now - 7 * DAY));
    assert_int_equal(126, count_points(place, "free:/", 0));
    /* Nothing more goes the second time. */
    assert_int_equal(0, history_thin(place->history, now, NULL));
    assert_int_equal(126, count_points(place, "free:/", 0));
}

static struct history_build a_build(char *service, int64_t started_at, struct history_step *steps,
                                    size_t len)
{
    return (struct history_build){.project = (char *)"tasker",
                                  .service = service,
                                  .tools = (char *)"docker 26.1.5",
                                  .state = 2,
                                  .exit_status = 0,
                                  .started_at = started_at,
                                  .duration_ms = 4200,
                                  .added_bytes = INT64_C(3000000000),
                                  .steps = steps,
                                  .steps_len = len};
}

static void builds_come_back_with_their_steps(void **state)
{
    struct place *place = *state;
    struct history_step steps[] = {
        {.stage = (char *)"builder",
         .instruction = (char *)"RUN make",
         .state = 2,
         .duration_ms = 9,
         .start_ms = 77},
        {.service = (char *)"api", .instruction = (char *)"COPY a b", .state = 3},
    };
    struct history_build one = a_build((char *)"api", 100, steps, 2);
    struct history_build two = a_build((char *)"worker", 200, NULL, 0);
    one.args = (char *)"A=1\n";
    assert_int_equal(0, history_add_build(place->history, &one, NULL));
    assert_int_equal(0, history_add_build(place->history, &two, NULL));
    assert_true(one.id != two.id);
    reopen(place);

    struct history_step_time *times;
    struct history_build *builds, build;
    size_t len;
    assert_int_equal(0, history_step_times(place->history, &times, &len, NULL));
    assert_int_equal(1, len); /* what was cached took no time */
    assert_string_equal("RUN make", times[0].instruction);
    assert_int_equal(9, times[0].duration_ms);
    free(times[0].instruction);
    free(times);
    assert_int_equal(0, history_builds(place->history, NULL, 10, &builds, &len, NULL));
    assert_int_equal(2, len);
    assert_string_equal("worker", builds[0].service);
    assert_null(builds[0].kind);
    history_builds_free(builds, len);
    assert_int_equal(0, history_builds(place->history, "api", 10, &builds, &len, NULL));
    assert_int_equal(1, len);
    assert_true(builds[0].added_bytes == INT64_C(3000000000));
    history_builds_free(builds, len);

    assert_int_equal(0, history_build(place->history, one.id, &build, NULL));
    assert_int_equal(2, build.steps_len);
    assert_string_equal("builder", build.steps[0].stage);
    assert_int_equal(77, build.steps[0].start_ms);
    assert_string_equal("A=1\n", build.args);
    assert_null(build.steps[0].service);
    assert_string_equal("COPY a b", build.steps[1].instruction);
    history_build_done(&build);
    assert_int_equal(-2, history_build(place->history, 999, &build, NULL));
}

static void two_bilges_write_at_once(void **state)
{
    struct place *place = *state;
    struct history *other;
    assert_int_equal(0, history_open(place->path, &other, NULL));
    for (int64_t i = 0; i < 50; i++) {
        const struct history_sample mine = {"mine", i, i}, theirs = {"theirs", i, i};
        assert_int_equal(0, history_add_samples(place->history, &mine, 1, NULL));
        assert_int_equal(0, history_add_samples(other, &theirs, 1, NULL));
    }
    history_close(other);
    assert_int_equal(50, count_points(place, "mine", 0));
    assert_int_equal(50, count_points(place, "theirs", 0));
}

static struct history_project project_of(const char *file, const char *const *caches, size_t len,
                                         int64_t seen_at)
{
    struct history_project project = {.name = mem_strdup("shop"), .seen_at = seen_at};
    strlist_add(&project.files, file);
    strlist_add_all(&project.caches, caches, len);
    return project;
}

static void put_project(struct place *place, const char *file, const char *const *caches,
                        size_t len, int64_t seen_at)
{
    struct history_project project = project_of(file, caches, len, seen_at);
    assert_int_equal(0, history_put_project(place->history, &project, NULL));
    history_project_done(&project);
}

static size_t read_projects(struct history *history, struct history_project **ret_projects)
{
    size_t len = 0;
    assert_int_equal(0, history_projects(history, ret_projects, &len, NULL));
    return len;
}

static void a_project_is_remembered_as_it_was_last_seen(void **state)
{
    struct place *place = *state;
    struct history_project *projects;
    put_project(place, "/a/compose.yml", (const char *[]){"/c/web", "/c/old"}, 2, DAY);
    put_project(place, "/b/compose.yml", (const char *[]){"/c/db"}, 1, DAY);
    put_project(place, "/a/compose.yml", (const char *[]){"/c/web"}, 1, DAY + MINUTE);
    reopen(place);
    assert_int_equal(2, read_projects(place->history, &projects));
    const struct history_project *a = &projects[1], *b = &projects[0];
    assert_string_equal("/b/compose.yml", b->files.items[0]);
    assert_string_equal("/c/db", b->caches.items[0]);
    assert_string_equal("/a/compose.yml", a->files.items[0]);
    assert_string_equal("shop", a->name);
    assert_int_equal(1, a->caches.len);
    assert_string_equal("/c/web", a->caches.items[0]);
    assert_int_equal(DAY + MINUTE, a->seen_at);
    assert_int_equal(0, history_forget_project(place->history, b->id, NULL));
    history_projects_free(projects, 2);
    assert_int_equal(1, read_projects(place->history, &projects));
    history_projects_free(projects, 1);
}

static void the_same_project_is_written_once_a_day(void **state)
{
    struct place *place = *state;
    struct history_project *projects;
    const int64_t seen[] = {DAY, DAY + MINUTE, 2 * DAY, 3 * DAY};
    const int64_t remembered[] = {DAY, DAY, 2 * DAY, 3 * DAY};
    for (size_t i = 0; i < sizeof seen / sizeof seen[0]; i++) {
        put_project(place, "/a/compose.yml", (const char *[]){"/c/web"}, 1, seen[i]);
        assert_int_equal(1, read_projects(place->history, &projects));
        assert_int_equal(remembered[i], projects[0].seen_at);
        history_projects_free(projects, 1);
    }
}

/* As root a directory can't be made read-only, but what stands in the way of the
 * shared memory has the same effect. */
static void projects_are_read_where_nothing_can_be_written(void **state)
{
    struct place *place = *state;
    struct history *history = NULL;
    struct history_project *projects;
    put_project(place, "/a/compose.yml", (const char *[]){"/c/web"}, 1, DAY);
    history_close(place->history);
    char *blocked = mem_printf("%s-shm", place->path);
    assert_int_equal(0, symlink("nowhere", blocked));
    assert_true(history_open(place->path, &place->history, NULL) < 0);
    place->history = NULL;
    assert_int_equal(0, history_open_reading(place->path, &history, NULL));
    assert_int_equal(1, read_projects(history, &projects));
    assert_string_equal("/c/web", projects[0].caches.items[0]);
    history_projects_free(projects, 1);
    history_close(history);
    free(blocked);
}

static void reading_makes_no_file(void **state)
{
    struct place *place = *state;
    struct history *history = NULL;
    struct err err;
    char *path = path_join(place->dir, "no-history.db");
    assert_int_equal(-ENOENT, history_open_reading(path, &history, &err));
    assert_int_equal(-1, access(path, F_OK));
    free(path);
    path = path_join(place->dir, "letter");
    file_write_text(place->dir, "letter", "Dear database, this is no SQLite file.\n");
    assert_true(history_open_reading(path, &history, &err) < 0);
    free(path);
}

static void exec_sql(const char *path, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(SQLITE_OK, sqlite3_open(path, &db));
    assert_int_equal(SQLITE_OK, sqlite3_exec(db, sql, NULL, NULL, NULL));
    sqlite3_close(db);
}

static void an_older_history_is_upgraded(void **state)
{
    struct place *place = *state;
    struct history *reading = NULL;
    struct history_project *projects;
    history_close(place->history);
    exec_sql(place->path, "DROP TABLE project_path; DROP TABLE project; PRAGMA user_version = 3");
    assert_int_equal(0, history_open_reading(place->path, &reading, NULL));
    assert_int_equal(0, read_projects(reading, &projects));
    history_close(reading);
    assert_int_equal(0, history_open(place->path, &place->history, NULL));
    put_project(place, "/a/compose.yml", (const char *[]){"/c/web"}, 1, DAY);
    assert_int_equal(1, read_projects(place->history, &projects));
    history_projects_free(projects, 1);
}

static void *open_it(void *arg)
{
    struct history *history = NULL;
    struct err err = {0};
    int code = history_open(arg, &history, &err);
    history_close(history);
    return code == 0 ? NULL : mem_strdup(err.text);
}

static void a_new_history_is_made_by_several_at_once(void **state)
{
    struct place *place = *state;
    for (int round = 0; round < 20; round++) {
        char *path = mem_printf("%s/new-%d.db", place->dir, round);
        pthread_t threads[4];
        void *error;
        for (size_t i = 0; i < 4; i++)
            assert_int_equal(0, pthread_create(&threads[i], NULL, open_it, path));
        for (size_t i = 0; i < 4; i++) {
            pthread_join(threads[i], &error);
            if (error != NULL)
                fail_msg("%s", (char *)error);
        }
        free(path);
    }
}

static void a_file_that_is_no_history_stays_as_it_is(void **state)
{
    struct place *place = *state;
    char *path = path_join(place->dir, "letter");
    struct history *history = NULL;
    struct err err;
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 1000; i++)
        fputs("Dear database, ", file);
    fclose(file);
    assert_true(history_open(path, &history, &err) < 0);
    assert_null(history);
    assert_non_null(strstr(err.text, "history"));
    file = fopen(path, "r");
    char start[16];
    assert_non_null(fgets(start, 15, file));
    fclose(file);
    assert_string_equal("Dear database,", start);
    free(path);
}

static void a_place_that_cannot_be_written_is_an_error(void **state)
{
    (void)state;
    struct history *history = NULL;
    struct err err;
    assert_true(history_open("/proc/bilge/history.db", &history, &err) < 0);
    assert_null(history);
    assert_true(err.text[0] != '\0');
}

static void the_path_follows_the_environment(void **state)
{
    (void)state;
    static const struct {
        const char *state, *home, *path;
    } rows[] = {
        {"/s", "/h", "/s/bilge/history.db"},
        {NULL, "/h", "/h/.local/state/bilge/history.db"},
        {"relative", "/h", "/h/.local/state/bilge/history.db"},
        {NULL, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        rows[i].state != NULL ? setenv("XDG_STATE_HOME", rows[i].state, 1)
                              : unsetenv("XDG_STATE_HOME");
        rows[i].home != NULL ? setenv("HOME", rows[i].home, 1) : unsetenv("HOME");
        char *path = history_default_path();
        if (rows[i].path == NULL)
            assert_null(path);
        else
            assert_string_equal(rows[i].path, path);
        free(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(layers_keep_their_first_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(samples_are_told_apart_by_series_and_time, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(old_samples_are_thinned, set_up, tear_down),
        cmocka_unit_test_setup_teardown(builds_come_back_with_their_steps, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_bilges_write_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_project_is_remembered_as_it_was_last_seen, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_same_project_is_written_once_a_day, set_up, tear_down),
        cmocka_unit_test_setup_teardown(projects_are_read_where_nothing_can_be_written, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(reading_makes_no_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_older_history_is_upgraded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_new_history_is_made_by_several_at_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_no_history_stays_as_it_is, set_up,
                                        tear_down),
        cmocka_unit_test(a_place_that_cannot_be_written_is_an_error),
        cmocka_unit_test(the_path_follows_the_environment),
    };
    limit_program(60);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
