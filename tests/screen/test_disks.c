/* Disks: the header's thresholds, seen with and without colours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "core/app/space.h"
#include "core/base/clock.h"
#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/history/history.h"
#include "tests/screen/stage.h"
#include "tests/support/limit.h"

static void settle(struct stage *stage, const char *text)
{
    file_write_text(stage->world->path, "home/.config/bilge/bilge.conf", text);
}

/* A disk of any machine has less than 8000 TB free, and more than a byte. */
#define CALM "[disk]\namber = 1B\nred = 1B\n"
#define AMBER "[disk]\namber = 8000TB\nred = 1B\n"
#define RED "[disk]\namber = 8000TB\nred = 8000TB\n"

/* Where the last '%' of the header stands: the percentage of the gauge. */
static int percent_column(struct terminal *terminal)
{
    char *row = terminal_row_text(terminal, 0);
    int column = 0, found = -1;
    for (const char *at = row; *at != '\0'; at++) {
        if (((unsigned char)*at & 0xc0) == 0x80)
            continue;
        if (*at == '%')
            found = column;
        column++;
    }
    free(row);
    return found;
}

static void test_thresholds(void **state)
{
    static const struct {
        const char *settings, *mark;
        bool colour;
    } cases[] = {{CALM, NULL, false}, {AMBER, "! ", true}, {RED, "!! ", true}};
    struct stage *stage = *state;
    for (int no_color = 0; no_color < 2; no_color++) {
        world_setenv(stage->world, "NO_COLOR", no_color ? "1" : NULL);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
            for (int size = 0; size < STAGE_SIZES; size++) {
                settle(stage, cases[i].settings);
                stage_start(stage, stage_sizes[size][0], stage_sizes[size][1], NULL);
                stage_see(stage, " free");
                stage_see(stage, "old-branch");
                char *row = terminal_row_text(stage->terminal, 0);
                if (cases[i].mark == NULL && strchr(row, '!') != NULL)
                    fail_msg("an alarm: %s", row);
                if (cases[i].mark != NULL && strstr(row, cases[i].mark) == NULL)
                    fail_msg("no alarm: %s", row);
                unsigned look = terminal_look(stage->terminal, 0, percent_column(stage->terminal));
                assert_int_equal((look & LOOK_COLOUR) != 0, cases[i].colour && !no_color);
                if (cases[i].colour && no_color)
                    assert_true((look & LOOK_BOLD) != 0);
                free(row);
                stage_quit(stage, "q");
            }
    }
}

static void test_a_bad_file_opens_no_screen(void **state)
{
    struct stage *stage = *state;
    settle(stage, "[disk]\namber = much\n");
    stage_start(stage, 80, 24, NULL);
    assert_int_equal(2, terminal_wait_exit(stage->terminal));
    assert_non_null(strstr(terminal_raw(stage->terminal), "bilge.conf:2: disk.amber"));
    assert_false(terminal_is_alternate(stage->terminal));
}

static void test_what_the_settings_say_of_the_screen(void **state)
{
    struct stage *stage = *state;
    settle(stage, "[ui]\nascii = yes\nmouse = no\ncolor = never\n");
    stage_start(stage, 80, 24, NULL);
    stage_see(stage, "+ Services -");
    assert_false(terminal_wants_mouse(stage->terminal));
    assert_false(terminal_has_look(stage->terminal, LOOK_COLOUR));
    stage_quit(stage, "q");
    /* What is settled goes before the environment. */
    world_setenv(stage->world, "NO_COLOR", "1");
    settle(stage, "[ui]\ncolor = always\n");
    stage_start(stage, 80, 24, NULL);
    stage_see(stage, "old-branch");
    assert_true(terminal_has_look(stage->terminal, LOOK_COLOUR));
    assert_true(terminal_wants_mouse(stage->terminal));
    stage_quit(stage, "q");
    /* And the command line before that. */
    stage_start(stage, 80, 24, (const char *const[]){"--no-color", "--no-mouse", NULL});
    stage_see(stage, "old-branch");
    assert_false(terminal_has_look(stage->terminal, LOOK_COLOUR));
    assert_false(terminal_wants_mouse(stage->terminal));
    stage_quit(stage, "q");
}

/* The engine keeps its data on another file system than the caches: both are
 * told. */
static void test_two_disks(void **state)
{
    struct stage *stage = *state;
    struct stat shm, caches;
    if (stat("/dev/shm", &shm) < 0 || stat(stage->world->caches, &caches) < 0 ||
        shm.st_dev == caches.st_dev) {
        print_message("/dev/shm is no file system of its own\n");
        skip();
    }
    file_write_text(stage->world->engine, "info.json",
                    "{\"ServerVersion\":\"26.1.5\",\"DockerRootDir\":\"/dev/shm\"}\n");
    stage_start_full(stage, 120, 40, NULL);
    stage_see(stage, "RAM /dev/shm ");
    stage_see(stage, "% \u00b7 ");
    terminal_resize(stage->terminal, 40, 10); /* one alone */
    stage_see(stage, " free");
    stage_quit(stage, "q");
}

/* ---- the screen of disks */

#define MINUTE (60 * CLOCK_SECOND)
#define HOUR (60 * MINUTE)
#define TB INT64_C(1000000000000)

struct past {
    struct history *history;
    int64_t now;
};

static void remember(const struct past *past, const char *series, int64_t minutes_ago,
                     int64_t bytes)
{
    /* In the middle of its slot, whether that is of ten minutes or of an hour. */
    const struct history_sample sample = {series, past->now - minutes_ago * MINUTE, bytes};
    assert_int_equal(0, history_add_samples(past->history, &sample, 1, NULL));
}

/* A week in which a disk of thousands of terabytes emptied and filled again,
 * which makes whatever this machine has free the lowest step of the chart;
 * nobody looked for a day and a half, and for five hours. */
static void remember_a_week(struct stage *stage)
{
    char *path = path_join(stage->world->path, "home/.local/state/bilge/history.db");
    char *mount = fs_mount_point(stage->world->caches);
    char *free_series = mem_printf("free:%s", mount);
    char *cache_series = mem_printf("cache:%s/orchestration", stage->world->caches);
    struct past past = {.now = clock_now()};
    assert_int_equal(0, history_open(path, &past.history, NULL));
    for (int64_t hour = 167; hour >= 24; hour--)
        for (int quarter = 0; quarter < 4 && (hour < 80 || hour > 115); quarter++)
            remember(&past, free_series, hour * 60 + 52 - quarter * 15, (hour % 24 + 1) * 200 * TB);
    for (int64_t slot = 143; slot >= 1; slot--)
        if (slot < 40 || slot > 70)
            remember(&past, free_series, slot * 10 + 5, 8000 * TB - slot * 50 * TB);
    for (int64_t half_hour = 46; half_hour >= 1; half_hour--)
        remember(&past, cache_series, half_hour * 30, 40 * 1000000 - half_hour * 500000);
    history_close(past.history);
    free(path);
    free(mount);
    free(free_series);
    free(cache_series);
}

static void test_the_screen_of_disks(void **state)
{
    struct stage *stage = *state;
    settle(stage, CALM);
    remember_a_week(stage);
    stage_start_full(stage, 80, 24, NULL);
    for (int size = 0; size < STAGE_SIZES; size++) {
        terminal_resize(stage->terminal, stage_sizes[size][0], stage_sizes[size][1]);
        stage_press(stage, "D", "Disks");
        terminal_wait_quiet(stage->terminal, 300); /* what is remembered has been read */
        terminal_press(stage->terminal, "G");
        stage_see(stage, "cache orchestration");
        terminal_press(stage->terminal, "g");
        golden_wait(stage->terminal, "disks");
        stage_press(stage, "q", "orchestration");
    }
    stage_quit(stage, "q");
}

static void test_the_screen_of_disks_in_ascii(void **state)
{
    struct stage *stage = *state;
    settle(stage, CALM "[ui]\nascii = yes\n");
    remember_a_week(stage);
    stage_start_full(stage, 120, 40, NULL);
    stage_press(stage, "D", "24 h ago");
    stage_see(stage, "cache orchestration");
    char *text = terminal_text(stage->terminal);
    assert_non_null(strstr(text, "####"));
    for (const char *at = text; *at != '\0'; at++)
        assert_true((unsigned char)*at < 0x80);
    free(text);
    stage_quit(stage, "qq");
}

/* A disk that lost a twentieth of what is left in each of the last ten hours,
 * and in each of six builds. What others do to the disk of this machine just now
 * must not matter: it is told that there is a forecast, not which. */
static void remember_a_decline(struct stage *stage)
{
    char *path = path_join(stage->world->path, "home/.local/state/bilge/history.db");
    char *mount = fs_mount_point(stage->world->caches);
    char *series = mem_printf("free:%s", mount);
    struct past past = {.now = clock_now()};
    struct space space = {.path = stage->world->caches};
    space_look(&space);
    double left = (double)space.space.free_bytes;
    assert_int_equal(0, history_open(path, &past.history, NULL));
    for (int64_t minutes = 600; minutes >= 5; minutes -= 5)
        remember(&past, series, minutes, (int64_t)(left + left / 20 * (double)minutes / 60));
    for (int64_t hour = 6; hour >= 1; hour--) {
        struct history_build build = {.service = (char *)"api",
                                      .state = BUILD_DONE,
                                      .duration_ms = 1800000,
                                      .started_at = past.now - hour * HOUR,
                                      .added_bytes = -1};
        assert_int_equal(0, history_add_build(past.history, &build, NULL));
    }
    history_close(past.history);
    free(space.mount);
    free(series);
    free(mount);
    free(path);
}

static void test_status_has_a_line_of_it(void **state)
{
    struct stage *stage = *state;
    remember_a_week(stage);
    for (int utf8 = 0; utf8 < 2; utf8++) {
        world_setenv(stage->world, "LANG", utf8 ? "C.UTF-8" : "C");
        stage_start(stage, 200, 60, (const char *const[]){"status", NULL});
        stage_see(stage, "Free in the last 24 hours:");
        assert_int_equal(0, terminal_wait_exit(stage->terminal));
        char *text = terminal_text(stage->terminal);
        assert_non_null(strstr(text, " to 7.95 PB"));
        if (strstr(text, utf8 ? "▆▆▇▇" : "**##") == NULL)
            fail_msg("%s", text);
        free(text);
    }
}

static void test_the_forecast_stands_in_the_header(void **state)
{
    struct stage *stage = *state;
    remember_a_decline(stage);
    stage_start_full(stage, 120, 40, NULL);
    stage_see(stage, "full in ~");
    stage_see(stage, " builds");
    char *row = terminal_row_text(stage->terminal, 0);
    assert_non_null(strstr(row, "full in ~"));
    assert_non_null(strstr(row, " builds"));
    free(row);
    stage_press(stage, "D", "Forecast");
    stage_see(stage, "an hour");
    stage_see(stage, "a build");
    stage_quit(stage, "qq");
}

static void test_disks_of_which_nothing_is_known(void **state)
{
    struct stage *stage = *state;
    for (int size = 0; size < STAGE_SIZES; size++) {
        stage_start(stage, stage_sizes[size][0], stage_sizes[size][1], NULL);
        stage_see(stage, " free");
        stage_press(stage, "D", "Disks");
        terminal_wait_quiet(stage->terminal, 300); /* what is remembered has been read */
        terminal_press(stage->terminal, "G");
        stage_see(stage, "Too little was seen yet");
        stage_quit(stage, "qq");
    }
}

static void test_the_header_opens_it(void **state)
{
    struct stage *stage = *state;
    stage_start(stage, 80, 24, NULL);
    stage_see(stage, " free");
    stage_press(stage, "\033[M f!", "Disks");
    stage_quit(stage, "qq");
}

/* ---- the end of a build, when somebody asked to be told */

static void build_rings(struct stage *stage, const char *settings, bool bell, bool notice)
{
    file_write_text(stage->world->docker, "build.log", "#1 [api 1/1] RUN x\n#1 DONE 0.1s\n");
    settle(stage, settings);
    world_stop_engine(stage->world);
    stage_start_full(stage, 120, 40, NULL);
    stage_press(stage, "b", "\u2500 done");
    terminal_wait_quiet(stage->terminal, 300);
    const char *raw = terminal_raw(stage->terminal);
    const char *told = strstr(raw, "\x1b]9;bilge: build of ");
    assert_int_equal(told != NULL, notice);
    if (notice)
        assert_true(strncmp(told + strcspn(told, "\a") - 5, " done\a", 6) == 0);
    /* The notice ends with a BEL of its own, which rings nowhere. */
    size_t bells = 0;
    for (; *raw != '\0'; raw++)
        bells += *raw == '\a';
    assert_int_equal(bells, (size_t)bell + (size_t)notice);
    stage_quit(stage, "q");
}

static void test_a_builds_end_is_told_when_asked(void **state)
{
    struct stage *stage = *state;
    build_rings(stage, "", false, false);
    build_rings(stage, "[build]\nnotify = bell\n", true, false);
    build_rings(stage, "[build]\nnotify = osc9\n", false, true);
    build_rings(stage, "[build]\nnotify = both\n", true, true);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, stage_open, stage_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_thresholds),
        CASE(test_a_bad_file_opens_no_screen),
        CASE(test_what_the_settings_say_of_the_screen),
        CASE(test_two_disks),
        CASE(test_the_screen_of_disks),
        CASE(test_the_screen_of_disks_in_ascii),
        CASE(test_status_has_a_line_of_it),
        CASE(test_the_forecast_stands_in_the_header),
        CASE(test_disks_of_which_nothing_is_known),
        CASE(test_the_header_opens_it),
        CASE(test_a_builds_end_is_told_when_asked),
    };
    limit_program(300);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
