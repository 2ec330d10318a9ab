/* Whatever is on the screen or under way, a signal that ends programs leaves the
 * terminal as it was, and the program with the status that says so. */
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "tests/screen/stage.h"
#include "tests/support/limit.h"

#define LEN(array) (sizeof(array) / sizeof(array)[0])
#define STEPS_MAX 6

/* 130: interrupted; the others end the program as they do anywhere. HANG_UP: the
 * terminal itself goes away. */
enum { HANG_UP = 0 };
static const struct {
    int signal, status;
} ends[] = {
    {SIGINT, 130},
    {SIGTERM, 130},
    {SIGHUP, 130},
    {SIGQUIT, 128 + SIGQUIT},
    {SIGUSR1, 128 + SIGUSR1},
    {SIGALRM, 128 + SIGALRM},
    {SIGXCPU, 128 + SIGXCPU},
    {HANG_UP, 130},
};

/* Keys, and the text that they bring onto the screen (NULL: nobody waits). */
struct step {
    const char *keys, *text;
};

struct scene {
    const char *name;
    void (*prepare)(struct stage *stage); /* the world; NULL: as it is */
    struct step steps[STEPS_MAX];
};

/* -------------------------------------------------------------- the worlds */

static void say(struct stage *stage, const char *name, const char *text)
{
    file_write_text(stage->world->docker, name, text);
}

static void build_fails(struct stage *stage)
{
    say(stage, "build.mode", "log");
    say(stage, "build.log",
        "#1 [orchestration 1/1] RUN make\n#1 0.1 a needle\n"
        "#1 ERROR: process \"make\" did not complete: exit code: 2\n");
    say(stage, "build.status", "17");
}

static void build_hangs(struct stage *stage)
{
    say(stage, "build.mode", "hang");
    say(stage, "build.1", "#1 [orchestration 1/1] RUN for ever\n#1 0.1 hello\n");
}

static void build_is_deaf(struct stage *stage)
{
    build_hangs(stage);
    say(stage, "build.mode", "deaf");
}

static void build_floods(struct stage *stage)
{
    say(stage, "build.mode", "flood");
}

static void removal_hangs(struct stage *stage)
{
    file_write_text(stage->world->engine, "build_prune.hang", "");
}

static void nobody_answers(struct stage *stage)
{
    say(stage, "config.hang", "");
    say(stage, "buildx-ls.hang", "");
    file_write_text(stage->world->engine, "system_df.hang", "");
}

static void somebody_builds(struct stage *stage)
{
    static const char *const client[] = {"docker", "compose", "build", NULL};
    world_add_process(stage->world, "4711", client);
}

/* --------------------------------------------------------------- the scenes */

static const struct scene scenes[] = {
    {"the main screen", NULL, {{"", "5 records"}}},
    {"nobody has answered yet", nobody_answers, {{"", "old-branch"}}},
    {"a filter", NULL, {{"/", "/"}, {"rub", "ruby-worker"}}},
    {"a filter of records that makes no sense",
     NULL,
     {{"2/", "/"}, {"in-use:perhaps\r", "yes or no"}}},
    {"help", NULL, {{"?", "Main screen"}}},
    {"details of a service", NULL, {{"\r", "EXPORT"}}},
    {"details of a record", NULL, {{"2", NULL}, {"\r", "Record"}}},
    {"a search in details", NULL, {{"\r", "EXPORT"}, {"/", "/"}, {"exp", NULL}}},
    {"the prune menu", NULL, {{"p", "Prune"}}},
    {"an age is asked for", NULL, {{"p", "Prune"}, {"o", "Older than"}}},
    {"a size is asked for", NULL, {{"f", "Free how much"}}},
    {"which records is asked for", NULL, {{"p", "Prune"}, {"m", "Records that match"}}},
    {"a plan", NULL, {{"d", "Delete?"}}},
    {"help over a plan", NULL, {{"d", "Delete?"}, {"?", "Leave the item"}}},
    {"a plan that is being made", NULL, {{"", "5 records"}, {"d", NULL}}},
    {"a plan with busy caches", somebody_builds, {{"d", "busy too"}}},
    {"a plan that waits", somebody_builds, {{"d", "busy too"}, {"w", "aiting"}}},
    {"busy caches too?", somebody_builds, {{"d", "busy too"}, {"!", "Busy caches too?"}}},
    {"a removal", removal_hangs, {{"p", "Prune"}, {"u", "Delete?"}, {"y", "Deleting"}}},
    {"quit while deleting?",
     removal_hangs,
     {{"p", "Prune"}, {"u", "Delete?"}, {"y", "Deleting"}, {"q", NULL}, {"q", "Quit?"}}},
    {"links", NULL, {{"p", "Prune"}, {"d", "dentical"}}},
    {"a verification", NULL, {{"\r", "EXPORT"}, {"V", NULL}}},
    {"repair?", NULL, {{"\r", "EXPORT"}, {"V", "digest:"}, {"R", "Repair?"}}},
    {"restore?", NULL, {{"\r", "EXPORT"}, {"R", NULL}}},
    {"the doctor", NULL, {{"!", "Doctor"}}},
    {"the doctor under way", nobody_answers, {{"", "old-branch"}, {"!", NULL}}},
    {"builders and contexts", NULL, {{"C", "Builders and contexts"}}},
    {"the disks", NULL, {{"D", "Disks"}}},
    {"no history", NULL, {{"h", "History"}}},
    {"a build's log", build_fails, {{"b", "failed"}, {"l", "needle"}}},
    {"a search in a log",
     build_fails,
     {{"b", "failed"}, {"l", "needle"}, {"/", "/"}, {"need", NULL}}},
    {"a log is saved", build_fails, {{"b", "failed"}, {"l", "needle"}, {"o", "Save"}}},
    {"paths to copy", build_fails, {{"b", "failed"}, {"l", "needle"}, {"c", "Copy"}}},
    {"the history", build_fails, {{"b", "failed"}, {"h", "orchestration"}, {"\r", NULL}}},
    {"a build", build_hangs, {{"b", "for ever"}}},
    {"a build that floods", build_floods, {{"b", "flood"}, {"l", "no end in sight"}}},
    {"quit while building?", build_hangs, {{"b", "for ever"}, {"q", "Quit?"}}},
};

static void go_there(struct stage *stage, const struct scene *scene)
{
    stage_start(stage, 100, 30, NULL);
    stage_see(stage, "orchestration");
    stage_see(stage, "40.0 MB");
    if (scene->prepare != nobody_answers) {
        stage_see(stage, "rust-worker"); /* compose has answered */
        stage_see(stage, "5 records");   /* and the engine */
    }
    for (size_t i = 0; i < STEPS_MAX && scene->steps[i].keys != NULL; i++) {
        terminal_press(stage->terminal, scene->steps[i].keys);
        if (scene->steps[i].text != NULL)
            stage_see(stage, scene->steps[i].text);
    }
}

/* Ends it by ends[i], and looks whether all is as it must be. */
static void end(struct stage *stage, size_t i)
{
    if (ends[i].signal == HANG_UP) {
        terminal_hang_up(stage->terminal);
        assert_int_equal(terminal_wait_exit(stage->terminal), ends[i].status);
        return;
    }
    terminal_signal(stage->terminal, ends[i].signal);
    stage_ended(stage, ends[i].status);
}

/* In one world: what a build or a removal leaves in it is in nobody's way. */
static void check_scene(const struct scene *scene)
{
    void *state;
    stage_open(&state);
    struct stage *stage = state;
    world_start_engine(stage->world);
    if (scene->prepare != NULL)
        scene->prepare(stage);
    for (size_t i = 0; i < LEN(ends); i++) {
        print_message("%s, signal %d\n", scene->name, ends[i].signal);
        go_there(stage, scene);
        end(stage, i);
    }
    stage_close(&state);
}

static void every_screen_ends_by_every_signal(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(scenes); i++)
        check_scene(&scenes[i]);
}

/* --------------------------------------------------------- on the main screen */

static void other_signals_that_end_programs_restore_the_terminal(void **state)
{
    const int others[] = {
        SIGVTALRM, SIGPROF,  SIGTRAP, SIGIO, SIGSYS,
#ifdef SIGPWR
        SIGPWR,
#endif
#ifdef SIGRTMIN
        SIGRTMIN,  SIGRTMAX,
#endif
    };
    struct stage *stage = *state;
    for (size_t i = 0; i < LEN(others); i++) {
        print_message("signal %d\n", others[i]);
        stage_start(stage, 80, 24, NULL);
        stage_see(stage, "old-branch");
        terminal_signal(stage->terminal, others[i]);
        stage_ended(stage, 128 + others[i]);
    }
}

static void signals_that_are_no_reason_to_end_change_nothing(void **state)
{
    static const int harmless[] = {SIGUSR2, SIGPIPE, SIGXFSZ, SIGCHLD, SIGURG, SIGWINCH, SIGCONT};
    struct stage *stage = *state;
    stage_start_full(stage, 80, 24, NULL);
    for (size_t i = 0; i < LEN(harmless); i++) {
        terminal_signal(stage->terminal, harmless[i]);
        stage_press(stage, "?", "Main screen");
        stage_press(stage, "q", "Tab pane");
    }
    golden_wait(stage->terminal, "filled");
    stage_quit(stage, "q");
}

/* The first one that comes stays the reason; nothing is waited for twice. */
static void signals_come_together(void **state)
{
    struct stage *stage = *state;
    for (size_t i = 0; i < LEN(ends) && ends[i].signal != HANG_UP; i++) {
        stage_start(stage, 80, 24, NULL);
        stage_see(stage, "old-branch");
        stage_press(stage, "d", "Delete?");
        terminal_signal(stage->terminal, ends[i].signal);
        for (int more = 0; more < 3; more++)
            terminal_signal(stage->terminal, SIGTERM);
        terminal_wait_exit(stage->terminal);
        assert_false(terminal_is_alternate(stage->terminal));
        assert_true(terminal_is_as_before(stage->terminal));
    }
}

/* From the first frame on: while core opens, scans, asks. */
static void signals_come_at_once(void **state)
{
    struct stage *stage = *state;
    for (size_t i = 0; i < 3 * LEN(ends); i++) {
        stage_start(stage, 80, 24, NULL);
        stage_see(stage, "Services");
        end(stage, i % LEN(ends));
    }
}

/* ------------------------------------------------------------ under way */

/* A process that has this world's docker in its environment; 0: none lives. */
static pid_t find_child(const struct stage *stage)
{
    char *mark = mem_printf("FAKE_DOCKER_DIR=%s", stage->world->docker);
    size_t mark_len = strlen(mark) + 1;
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    pid_t found = 0;
    while (proc != NULL && found == 0 && (entry = readdir(proc)) != NULL) {
        char environment[65536];
        char *path = mem_printf("/proc/%s/environ", entry->d_name);
        FILE *file = strspn(entry->d_name, "0123456789") > 0 ? fopen(path, "re") : NULL;
        size_t len = file != NULL ? fread(environment, 1, sizeof environment, file) : 0;
        if (memmem(environment, len, mark, mark_len) != NULL)
            found = (pid_t)atoi(entry->d_name);
        if (file != NULL)
            fclose(file);
        free(path);
    }
    if (proc != NULL)
        closedir(proc);
    free(mark);
    return found;
}

/* What is deaf is killed, in the end. */
static void a_build_does_not_outlive_a_signal(void **state)
{
    static const int signals[] = {SIGTERM, SIGQUIT};
    static void (*const builds[])(struct stage * stage) = {build_hangs, build_is_deaf};
    struct stage *stage = *state;
    for (size_t i = 0; i < LEN(signals); i++) {
        builds[i](stage);
        stage_start(stage, 80, 24, NULL);
        stage_see(stage, "orchestration");
        stage_see(stage, "rust-worker");
        stage_press(stage, "b", "for ever");
        terminal_signal(stage->terminal, signals[i]);
        stage_ended(stage, signals[i] == SIGTERM ? 130 : 128 + signals[i]);
        assert_int_equal(find_child(stage), 0);
    }
}

/* Who can't wait for what must be put in order says so once more. */
static void a_second_quit_ends_at_once(void **state)
{
    struct stage *stage = *state;
    build_is_deaf(stage);
    stage_start(stage, 80, 24, NULL);
    stage_see(stage, "orchestration");
    stage_see(stage, "rust-worker");
    stage_press(stage, "b", "for ever");
    terminal_signal(stage->terminal, SIGQUIT);
    stage_see(stage, "stopping what runs");
    terminal_signal(stage->terminal, SIGQUIT);
    stage_ended(stage, 128 + SIGQUIT);
    for (pid_t child; (child = find_child(stage)) != 0;)
        kill(child, SIGKILL); /* which nobody has waited for */
}

/* A removal of caches that is cut short leaves nothing set aside. */
static void a_removal_is_put_in_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(ends); i++) {
        void *own;
        stage_open(&own);
        struct stage *fresh = own;
        stage_start(fresh, 80, 24, NULL);
        stage_see(fresh, "old-branch");
        stage_see(fresh, "40.0 MB");
        stage_press(fresh, "p", "Prune");
        stage_press(fresh, "e", "Delete?");
        terminal_press(fresh->terminal, "y");
        end(fresh, i);
        assert_true(file_exists(fresh->world->caches, "orchestration/index.json"));
        assert_false(file_exists(fresh->world->caches, "orchestration/.bilge-aside"));
        stage_close(&own);
    }
}

/* After a stop that nobody can prepare for, all is drawn again. */
static void a_stopped_one_comes_back(void **state)
{
    struct stage *stage = *state;
    stage_start_full(stage, 80, 24, NULL);
    for (int i = 0; i < 2; i++) {
        terminal_signal(stage->terminal, SIGSTOP);
        terminal_signal(stage->terminal, SIGCONT);
        golden_wait(stage->terminal, "filled");
        terminal_signal(stage->terminal, SIGTSTP); /* nothing here could continue it */
        golden_wait(stage->terminal, "filled");
        assert_true(terminal_is_alternate(stage->terminal));
        stage_press(stage, "?", "Main screen");
        stage_press(stage, "q", "Tab pane");
    }
    terminal_signal(stage->terminal, SIGSTOP);
    terminal_signal(stage->terminal, SIGTERM);
    terminal_signal(stage->terminal, SIGCONT);
    stage_ended(stage, 130);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, stage_open, stage_close)

int main(void)
{
    const struct rlimit none = {0, 0};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_screen_ends_by_every_signal),
        CASE(other_signals_that_end_programs_restore_the_terminal),
        CASE(signals_that_are_no_reason_to_end_change_nothing),
        CASE(signals_come_together),
        CASE(signals_come_at_once),
        CASE(a_build_does_not_outlive_a_signal),
        CASE(a_second_quit_ends_at_once),
        cmocka_unit_test(a_removal_is_put_in_order),
        CASE(a_stopped_one_comes_back),
    };
    setrlimit(RLIMIT_CORE, &none);
    limit_program(600);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
