/* A benchmark's order, figures, edits, compose file and traces: all that is
 * worked out without touching a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "bench/bench.h"
#include "bench/change.h"
#include "bench/frozen.h"
#include "bench/recognise.h"
#include "bench/traces.h"
#include "core/history/history.h"

#define LEN(array) (sizeof(array) / sizeof(array)[0])

/* --------------------------------------------------------------------- order */

static struct bench make_bench(struct bench_service *services, size_t len, size_t rounds,
                               const char *wanted)
{
    struct bench bench = {.services = services,
                          .services_len = len,
                          .rounds = rounds,
                          .mark = (char *)"bilge-bench-test"};
    for (int i = 0; i < BENCH_SCENARIOS; i++)
        bench.wanted[i] = wanted[i] != '-';
    return bench;
}

static const struct {
    const char *wanted;
    size_t services, rounds;
    const char *order; /* scenario and variant of each: "Fo Fl No Nl ..." */
} orders[] = {
    {"FNCD", 1, 1, "Fo Fl No Nl Co Cl Do Dl "},
    {"FNCD", 1, 2, "Fo Fl No Nl Co Cl Do Dl Fl Fo Nl No Cl Co Dl Do "},
    {"F---", 2, 3, "Fo Fl Fl Fo Fo Fl Fo Fl Fl Fo Fo Fl "},
    {"--C-", 1, 1, "Po Pl Co Cl "},
    {"-N-D", 1, 2, "Po Pl No Nl Do Dl Pl Po Nl No Dl Do "},
};

static void test_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(orders); i++) {
        struct bench_service services[2] = {{0}, {0}};
        struct bench bench =
            make_bench(services, orders[i].services, orders[i].rounds, orders[i].wanted);
        struct buf order = {0};
        size_t starts = 0, ends = 0;
        for (size_t j = 0; j < bench_steps(&bench); j++) {
            struct bench_step step = bench_step(&bench, j);
            buf_printf(&order, "%c%c ", "FNCDP"[step.scenario], "ol"[step.variant]);
            starts += step.starts_service;
            ends += step.ends_round;
            assert_true(step.service < orders[i].services);
            assert_true(step.round < orders[i].rounds);
        }
        assert_string_equal(order.data, orders[i].order);
        assert_int_equal(starts, orders[i].services);
        assert_int_equal(ends, orders[i].services * orders[i].rounds);
        buf_done(&order);
    }
}

static void test_names(void **state)
{
    (void)state;
    struct bench_service services[] = {{.name = (char *)"api"}, {.name = (char *)"Ruby_Worker.2"}};
    struct bench bench = make_bench(services, 2, 1, "FNCD");
    struct bench_step step = {
        .service = 1, .round = 2, .scenario = BENCH_CODE, .variant = BENCH_OPTIMISED};
    char *image = bench_image(&bench, &step), *mounts = bench_mounts(&bench, &step);
    char *kind = bench_kind(&step);
    assert_string_equal(image, "bilge-bench-test-2-ruby-worker-2:optimised-code");
    assert_string_equal(mounts, "bilge-bench-test-2-3-optimised");
    assert_string_equal(kind, "bench: optimised, code change");
    assert_true(history_build_is_bench(&(struct history_build){.kind = kind}));
    assert_false(history_build_is_bench(&(struct history_build){.kind = (char *)"code changed"}));
    assert_false(history_build_is_bench(&(struct history_build){0}));
    free(image);
    free(mounts);
    free(kind);
}

/* -------------------------------------------------------------------- figures */

static const struct {
    int64_t original[3], optimised[3];
    size_t len;
    int64_t median; /* of the original */
    int ratio, saved;
    bool reached; /* as a first build: 35 % */
} figures[] = {
    {{100, 0, 0}, {65, 0, 0}, 1, 100, 650, 350, true},
    {{100, 0, 0}, {66, 0, 0}, 1, 100, 660, 340, false},
    {{300, 100, 0}, {100, 100, 0}, 2, 200, 500, 500, true},
    {{900, 100, 200}, {100, 1000, 90}, 3, 200, 500, 500, true},
    {{100, 0, 0}, {250, 0, 0}, 1, 100, 2500, -1500, false},
};

static void add(struct bench_service *service, enum bench_variant variant, int64_t duration_ms)
{
    struct bench_step step = {.scenario = BENCH_FIRST, .variant = variant};
    struct bench_run run = {.duration_ms = duration_ms};
    bench_add_run(service, &step, &run);
}

static void test_figures(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(figures); i++) {
        struct bench_service service = {0};
        struct bench_gain gain;
        assert_false(bench_compare(&service, BENCH_FIRST, &gain));
        for (size_t j = 0; j < figures[i].len; j++)
            add(&service, BENCH_ORIGINAL, figures[i].original[j]);
        assert_false(bench_compare(&service, BENCH_FIRST, &gain));
        for (size_t j = 0; j < figures[i].len; j++)
            add(&service, BENCH_OPTIMISED, figures[i].optimised[j]);
        struct bench_step preparation = {.scenario = BENCH_PREPARATION};
        bench_add_run(&service, &preparation, &(struct bench_run){.duration_ms = 1});
        struct bench_summary summary = bench_summarise(&service.cells[BENCH_FIRST][BENCH_ORIGINAL]);
        assert_int_equal(summary.runs, figures[i].len);
        assert_int_equal(summary.median_ms, figures[i].median);
        assert_true(summary.min_ms <= summary.median_ms && summary.median_ms <= summary.max_ms);
        assert_true(bench_compare(&service, BENCH_FIRST, &gain));
        assert_int_equal(gain.ratio_permille, figures[i].ratio);
        assert_int_equal(gain.saved_permille, figures[i].saved);
        assert_int_equal(gain.reached, figures[i].reached);
        free(service.cells[BENCH_FIRST][BENCH_ORIGINAL].runs);
        free(service.cells[BENCH_FIRST][BENCH_OPTIMISED].runs);
    }
}

static void test_guide(void **state)
{
    (void)state;
    static const int promised[][2] = {{35, 40}, {60, 70}, {85, 90}, {50, 60}};
    for (int i = 0; i < BENCH_SCENARIOS; i++) {
        const struct bench_scenario_words *words = &bench_scenarios[i];
        assert_int_equal(words->expected_low, promised[i][0]);
        assert_int_equal(words->expected_high, promised[i][1]);
    }
}

/* ---------------------------------------------------------------------- edits */

static const struct {
    const char *path, *text, *dependency, *result; /* NULL: it is not known how */
} edits[] = {
    {"src/main.rs", "fn main() {}\n", NULL,
     "fn main() {}\nconst _: u64 = 0x000000000000002a; // bilge bench\n"},
    {"main.rs", "fn main() {}", NULL,
     "fn main() {}\nconst _: u64 = 0x000000000000002a; // bilge bench\n"},
    {"a/x.py", "", NULL, "# bilge bench 000000000000002a\n"},
    {"Gemfile", "gem 'a'\n", NULL, "gem 'a'\n# bilge bench 000000000000002a\n"},
    {"x.GO", "package x\n", NULL, "package x\n// bilge bench 000000000000002a\n"},
    {"x.css", "a{}\n", NULL, "a{}\n/* bilge bench 000000000000002a */\n"},
    {"crates/a/Cargo.toml", "[package]\nname = \"a\"\n", NULL,
     "[package]\nname = \"a\"\n\n[package.metadata.bilge-bench]\ntoken = \"000000000000002a\"\n"},
    {"Cargo.toml", "[workspace]\nmembers = []\n", "axum",
     "[workspace]\nmembers = []\n\n[workspace.metadata.bilge-bench]\ntoken = \"000000000000002a\"\n"
     "\n[profile.dev.package.axum]\ncodegen-units = 15\n"
     "\n[profile.release.package.axum]\ncodegen-units = 15\n"},
    {"Cargo.toml", "[workspace]\n[profile.release.package.axum]\nopt-level = 1\n", "axum",
     "[workspace]\n[profile.release.package.axum]\nopt-level = "
     "1\n\n[workspace.metadata.bilge-bench]\n"
     "token = \"000000000000002a\"\n\n[profile.dev.package.axum]\ncodegen-units = 15\n"},
    {"picture.png", "x", NULL, NULL},
    {"nothing", "x", NULL, NULL},
    {".rs", "x", NULL, NULL},
};

static void test_edits(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(edits); i++) {
        struct buf out = {0};
        struct err err;
        const struct buf text = {.data = (char *)edits[i].text, .len = strlen(edits[i].text)};
        int code = change_make(edits[i].path, &text, 42, edits[i].dependency, &out, &err);
        assert_int_equal(change_knows(edits[i].path), edits[i].result != NULL);
        if (edits[i].result == NULL)
            assert_int_equal(code, ERR_UNSUPPORTED);
        else
            assert_string_equal(out.data, edits[i].result);
        buf_done(&out);
    }
}

/* JSON has no comments: blanks, another pattern for each token. */
static void test_json_edit(void **state)
{
    (void)state;
    struct buf one = {0}, two = {0};
    const struct buf text = {.data = (char *)"{}", .len = 2};
    assert_int_equal(change_make("package.json", &text, 1, NULL, &one, NULL), 0);
    assert_int_equal(change_make("package.json", &text, 2, NULL, &two, NULL), 0);
    assert_string_not_equal(one.data, two.data);
    assert_int_equal(strspn(one.data + 2, " \t\n"), one.len - 2);
    buf_done(&one);
    buf_done(&two);
}

static const char lock[] =
    "version = 3\n\n[[package]]\nname = \"axum\"\nversion = \"0.7.5\"\n"
    "source = \"registry+https://x\"\ndependencies = [\n \"bytes\",\n \"http 1.0.0\",\n]\n\n"
    "[[package]]\nname = \"bytes\"\nversion = \"1\"\nsource = \"registry+https://x\"\n\n"
    "[[package]]\nname = \"http\"\nversion = \"1.0.0\"\nsource = \"registry+https://x\"\n"
    "dependencies = [\n \"bytes\",\n \"a\",\n \"b\",\n]\n\n"
    "[[package]]\nname = \"http\"\nversion = \"0.2.0\"\nsource = \"registry+https://x\"\n\n"
    "[[package]]\nname = \"shared\"\nversion = \"0.1.0\"\ndependencies = [\n \"a\",\n \"b\",\n "
    "\"c\",\n \"bytes\",\n]\n\n"
    "[[package]]\nname = \"tasker\"\nversion = \"0.1.0\"\n"
    "dependencies = [\n \"axum\",\n \"bytes\",\n \"http 1.0.0\",\n \"shared\",\n]\n";

static void test_lockfile(void **state)
{
    (void)state;
    /* http has more needs, but comes in two versions; shared is no stranger. */
    char *chosen = lockfile_choose(lock, "tasker");
    assert_string_equal(chosen, "axum");
    free(chosen);
    chosen = lockfile_choose(lock, "shared");
    assert_string_equal(chosen, "bytes");
    free(chosen);
    assert_null(lockfile_choose(lock, "bytes"));
    assert_null(lockfile_choose(lock, "http"));
    assert_null(lockfile_choose(lock, "nosuch"));
    assert_null(lockfile_choose("", "tasker"));
    for (size_t cut = 0; cut < sizeof lock; cut++) {
        char *part = mem_strndup(lock, cut);
        free(lockfile_choose(part, "tasker"));
        free(part);
    }
    static const char toml[] =
        "[workspace]\nname = \"no\"\n[package]\nversion = \"1\"\nname = \"yes\"\n";
    char *name = cargo_package_name(toml);
    assert_string_equal(name, "yes");
    free(name);
    assert_null(cargo_package_name("[workspace]\nname = \"no\"\n"));
    assert_null(cargo_package_name("[package]\nversion = \"1\"\n[x]\nname = \"no\"\n"));
}

/* The first of each is to be chosen before the second. */
static const struct {
    const char *service, *dockerfile, *better, *worse;
} choices[] = {
    {"orchestration", NULL, "tasker-orchestration/src/main.rs", "tasker-shared/src/lib.rs"},
    {"orchestration", NULL, "tasker-orchestration/src/lib.rs", "tasker-worker-rust/src/main.rs"},
    {"rust-worker", NULL, "workers/rust/src/main.rs", "workers/ruby/app.rb"},
    {"ruby-worker", NULL, "workers/ruby/app.rb", "workers/rust/src/main.rs"},
    {"api", "COPY server server", "server/src/main.rs", "client/src/main.rs"},
    {"api", NULL, "src/main.py", "deep/down/in/it/main.py"},
};

static void test_recognise(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(choices); i++)
        assert_true(recognise_score(choices[i].better, choices[i].service, choices[i].dockerfile) >
                    recognise_score(choices[i].worse, choices[i].service, choices[i].dockerfile));
    static const char *const never[] = {
        "README.md",    "src/util.rs",     "tests/main.rs",     "node_modules/x/index.js",
        ".git/main.rs", "a/.venv/main.py", "api/target/main.rs"};
    for (size_t i = 0; i < LEN(never); i++)
        assert_int_equal(recognise_score(never[i], "api", NULL), 0);
    assert_true(recognise_score("mytests/main.rs", "api", NULL) > 0);
}

/* --------------------------------------------------------------- compose file */

static const char config[] =
    "{\"name\":\"p\",\"secrets\":{\"s\":{\"file\":\"/"
    "s\"}},\"services\":{\"api\":{\"image\":\"mine\","
    "\"ports\":[80],\"platform\":\"linux/amd64\",\"build\":{\"context\":\"/home/"
    "x\",\"dockerfile\":\"d/Dockerfile\","
    "\"args\":{\"A\":\"$$B\"},\"tags\":[\"mine:2\"],\"cache_from\":[\"type=local,src=/c/"
    "api\",\"team/cache\"],"
    "\"cache_to\":[\"type=local,\\\"dest=/c,1/api\\\",mode=max\",\"type=inline\"]}},"
    "\"web\":{\"build\":{\"context\":\"/w\",\"cache_to\":[\"type=registry,ref=team/cache\"]}},"
    "\"map\":{\"build\":{\"context\":\"/w\",\"cache_to\":[{\"type\":\"local\",\"dest\":\"/c\"}]}},"
    "\"odd\":{\"build\":{\"context\":\"/w\",\"cache_to\":[\"type=local,\\\"dest=/"
    "c\\\"\\\"x\\\"\"]}},"
    "\"db\":{\"image\":\"db\"}}}";

static int freeze(const char *service, const char *dockerfile, char **ret_json, struct err *err)
{
    struct frozen_spec spec = {.config = config,
                               .service = service,
                               .context = "/home/x",
                               .copy = "/tmp/a$b",
                               .dockerfile = dockerfile,
                               .image = "bench:1",
                               .caches = "/tmp/caches"};
    return frozen_make(&spec, ret_json, err);
}

static void test_frozen(void **state)
{
    (void)state;
    static const char *const expected[] = {"\"image\":\t\"bench:1\"",
                                           "\"context\":\t\"/tmp/a$$b\"",
                                           "\"dockerfile\":\t\"d/Dockerfile\"",
                                           "\"A\":\t\"$$B\"",
                                           "type=local,src=/tmp/caches/_c_api",
                                           "team/cache",
                                           "type=inline",
                                           "type=local,\\\"dest=/tmp/caches/_c_1_api\\\",mode=max",
                                           "\"platform\":\t\"linux/amd64\"",
                                           "\"secrets\""};
    static const char *const gone[] = {"mine", "ports", "web", "db"};
    char *json;
    struct err err;
    assert_int_equal(freeze("api", "/home/x/d/Dockerfile", &json, &err), 0);
    for (size_t i = 0; i < LEN(expected); i++)
        if (strstr(json, expected[i]) == NULL)
            fail_msg("no %s in %s", expected[i], json);
    for (size_t i = 0; i < LEN(gone); i++)
        assert_null(strstr(json, gone[i]));
    free(json);
    assert_int_equal(freeze("api", "/elsewhere/Dockerfile", &json, &err), 0);
    assert_non_null(strstr(json, "\"dockerfile\":\t\"/elsewhere/Dockerfile\""));
    free(json);
    assert_int_equal(freeze("web", NULL, &json, &err), ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "type=registry"));
    assert_int_equal(freeze("map", NULL, &json, &err), ERR_UNSUPPORTED);
    assert_int_equal(freeze("odd", NULL, &json, &err), ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "can't be changed"));
    assert_int_equal(freeze("db", NULL, &json, &err), ERR_FORMAT);
    assert_int_equal(freeze("nosuch", NULL, &json, &err), ERR_FORMAT);
}

/* --------------------------------------------------------------------- traces */

#define AT(second) ((int64_t)(second)*CLOCK_SECOND)

static const char dockerfile[] = "FROM base AS b\n"
                                 "# RUN commented out\n"
                                 "RUN --mount=type=cache,target=/k \\\n"
                                 "    # a remark\n"
                                 "    cargo build \\\n"
                                 "      --release && ls\n"
                                 "RUN [\"echo\", \"exec form\"]\n"
                                 "RUN <<EOF\n"
                                 "# of the heredoc\n"
                                 "make everything\n"
                                 "EOF\n"
                                 "RUN true";

static const struct {
    const char *id, *type, *description;
    int at;
    bool in_use, ours;
} records[] = {
    {"known", "regular", "mount / from exec /bin/sh -c true", 100, false, false},
    {"run", "regular", "mount / from exec /bin/sh -c cargo build       --release && ls", 101, false,
     true},
    {"bash", "regular", "mount / from exec /bin/bash -o pipefail -c true", 101, false, true},
    {"exec", "regular", "mount / from exec echo exec form", 101, false, true},
    {"heredoc", "regular", "mount / from exec /bin/sh -c # of the heredoc\nmake everything\n", 101,
     false, true},
    {"copy", "regular", "[b 2/4] COPY src src", 102, false, true},
    {"used", "regular", "[b 2/4] COPY src src", 102, true, false},
    {"before", "regular", "[b 2/4] COPY src src", 90, false, false},
    {"after", "regular", "[b 2/4] COPY src src", 120, false, false},
    {"other-copy", "regular", "[b 2/4] COPY lib lib", 102, false, false},
    {"part", "regular", "mount / from exec /bin/sh -c cargo build", 101, false, false},
    {"comment", "regular", "mount / from exec /bin/sh -c commented out", 101, false, false},
    {"base", "regular", "", 101, false, false},
    {"mount", "exec.cachemount",
     "cached mount /k from exec /bin/sh -c x with id \"bilge-bench-test-1-1-optimised//k\"", 50,
     false, true},
    {"mount-theirs", "exec.cachemount", "cached mount /k from exec /bin/sh -c true with id \"//k\"",
     101, false, false},
    {"mount-alike", "exec.cachemount",
     "cached mount /k from exec /bin/sh -c x with id \"bilge-bench-testing//k\"", 101, false,
     false},
    {"source", "source.local", "local source for context", 101, false, false},
    {"frontend", "frontend", "pulled", 101, false, false},
};

static struct records make_records(void)
{
    struct records made = {.items = mem_zalloc(LEN(records) * sizeof *made.items),
                           .len = LEN(records)};
    for (size_t i = 0; i < LEN(records); i++)
        made.items[i] = (struct record){.id = (char *)records[i].id,
                                        .type = (char *)records[i].type,
                                        .description = (char *)records[i].description,
                                        .created_at = AT(records[i].at),
                                        .in_use = records[i].in_use};
    return made;
}

static void test_traces(void **state)
{
    (void)state;
    struct traces *traces = traces_new("bilge-bench-test");
    struct records made = make_records(), known = {.items = made.items, .len = 1};
    size_t len, held;
    traces_know(traces, &known);
    traces_add_dockerfile(traces, dockerfile);
    traces_add_dockerfile(traces, NULL);
    traces_add_window(traces, AT(100), AT(104), true);
    traces_add_step(traces, "COPY src src");
    traces_add_step(traces, "COPY src src");
    const char **ids = traces_find(traces, &made, &len, &held);
    size_t next = 0;
    assert_int_equal(held, 1);
    for (size_t i = 0; i < LEN(records); i++) {
        bool found = next < len && strcmp(ids[next], records[i].id) == 0;
        if (found != records[i].ours)
            fail_msg("%s is %sfound", records[i].id, found ? "" : "not ");
        next += found;
    }
    assert_int_equal(next, len);
    free(ids);
    free(made.items);
    traces_free(traces);
}

/* What was sent is ours only when nobody else made anything meanwhile. */
static const struct {
    size_t sources;
    const char *other; /* what else was made; NULL: nothing */
    bool sends, ours;
} sendings[] = {
    {1, NULL, true, true},   {3, "[b 2/4] COPY src src", true, true},
    {2, "", true, true},     {4, NULL, true, false},
    {1, NULL, false, false}, {1, "[x 2/4] COPY theirs theirs", true, false},
};

static void test_sources(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(sendings); i++) {
        struct traces *traces = traces_new("bilge-bench-test");
        struct record items[5] = {{0}};
        size_t len, held, found = 0;
        for (size_t j = 0; j < sendings[i].sources; j++)
            items[j] = (struct record){.id = (char *)"source",
                                       .type = (char *)"source.local",
                                       .description = (char *)"local source for context",
                                       .created_at = AT(101)};
        items[4] = (struct record){.id = (char *)"other",
                                   .type = (char *)"regular",
                                   .description = (char *)sendings[i].other,
                                   .created_at = AT(101)};
        items[sendings[i].sources] = items[4];
        struct records made = {items, sendings[i].sources + (sendings[i].other != NULL), 0, 0, 0};
        traces_add_step(traces, "COPY src src");
        traces_add_window(traces, AT(100), AT(104), sendings[i].sends);
        const char **ids = traces_find(traces, &made, &len, &held);
        for (size_t j = 0; j < len; j++)
            found += strcmp(ids[j], "source") == 0;
        assert_int_equal(found, sendings[i].ours ? sendings[i].sources : 0);
        free(ids);
        traces_free(traces);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),    cmocka_unit_test(test_names),
        cmocka_unit_test(test_figures),  cmocka_unit_test(test_guide),
        cmocka_unit_test(test_edits),    cmocka_unit_test(test_json_edit),
        cmocka_unit_test(test_lockfile), cmocka_unit_test(test_recognise),
        cmocka_unit_test(test_frozen),   cmocka_unit_test(test_traces),
        cmocka_unit_test(test_sources),
    };
    return cmocka_run_group_tests_name("bench", tests, NULL, NULL);
}
