/* C: builders with their nodes, docker's contexts, and going there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "tests/screen/stage.h"
#include "tests/support/limit.h"

/* The engine's own builder, a remote one of two nodes of which one is down and
 * says so in bytes that no terminal may get, and two contexts beside docker's. */
static int open_places(void **state)
{
    stage_open(state);
    struct stage *stage = *state;
    file_write_text(
        stage->world->docker, "buildx-ls.jsonl",
        "{\"Current\":true,\"Builder\":{\"Name\":\"default\",\"Driver\":\"docker\",\"Nodes\":[{"
        "\"Name\":\"default\",\"Endpoint\":\"default\",\"Status\":\"running\",\"Version\":\"v0.12."
        "5\","
        "\"Platforms\":[\"linux/amd64\",\"linux/arm64\"]}]}}\n"
        "{\"Current\":false,\"Builder\":{\"Name\":\"farm\",\"Driver\":\"remote\",\"Nodes\":["
        "{\"Name\":\"farm0\",\"Endpoint\":\"tcp://farm0.example.com:1234\",\"Status\":\"running\","
        "\"Version\":\"v0.13.1\",\"Platforms\":[\"linux/amd64\"]},"
        "{\"Name\":\"farm1\",\"Endpoint\":\"tcp://farm1.example.com:1234\",\"Status\":\"inactive\","
        "\"Err\":\"dial \\u001b[31mtcp\\u001b[0m: connection to the second machine of the farm "
        "was refused\"}]}}\n");
    file_write_text(stage->world->docker, "buildx-du.txt",
                    "ID:\t\tfarmrecord1\nCreated at:\t2026-01-02 03:04:05 +0000 UTC\n"
                    "Mutable:\tfalse\nReclaimable:\ttrue\nShared:\t\tfalse\nSize:\t\t5.5MB\n"
                    "Description:\tmount / from exec /bin/sh -c make farm\nUsage count:\t3\n"
                    "Last used:\t2 days ago\nType:\t\tregular\n\n"
                    "Reclaimable:\t5.5MB\nTotal:\t\t5.5MB\n");
    char *meta = path_join(stage->world->path, "home/.docker/contexts/meta");
    file_write_text(meta, "1111/meta.json",
                    "{\"Name\":\"staging\",\"Metadata\":{\"Description\":\"the machine in the "
                    "other building, which everybody builds on\"},\"Endpoints\":{\"docker\":"
                    "{\"Host\":\"unix:///run/bilge-tests/no-such-engine.sock\"}}}");
    file_write_text(meta, "2222/meta.json",
                    "{\"Name\":\"a-context-with-a-very-long-name-indeed\",\"Endpoints\":"
                    "{\"docker\":{\"Host\":\"ssh://builder@build.example.com\"}}}");
    free(meta);
    return 0;
}

static void start(struct stage *stage, int columns, int rows)
{
    stage_start_full(stage, columns, rows, NULL);
    stage_press(stage, "C", "Builders and contexts");
    stage_see(stage, "farm1"); /* docker buildx ls has answered */
}

static void test_looks(void **state)
{
    struct stage *stage = *state;
    for (int size = 0; size < STAGE_SIZES; size++) {
        world_stop_engine(stage->world);
        stage_start_full(stage, stage_sizes[size][0], stage_sizes[size][1], NULL);
        stage_press(stage, "C", "Builders and contexts");
        stage_see(stage, "1 record, 5.50"); /* farm has answered: its row is there */
        terminal_press(stage->terminal, "jj");
        golden_wait(stage->terminal, "places");
        terminal_press(stage->terminal, "jj"); /* the node that is down: why, in full */
        stage_see(stage, "node farm1 of builder farm");
        golden_wait(stage->terminal, "places-node");
        terminal_press(stage->terminal, "G");
        stage_see(stage, "context staging");
        stage_press(stage, "?", "A builder or node");
        stage_press(stage, "q", "context staging");
        stage_press(stage, "q", "Tab pane");
        stage_quit(stage, "q");
    }
}

static void test_a_node_leads_to_its_builder(void **state)
{
    struct stage *stage = *state;
    start(stage, 80, 24);
    terminal_press(stage->terminal, "jjj");
    stage_press(stage, KEY_ENTER_SENT, "builder farm ─ 1 record ");
    stage_see(stage, "RUN make farm");
    stage_press(stage, "]", "builder default ─ 5 records");
    stage_quit(stage, "q");
}

static void test_a_context_is_gone_to_and_left_again(void **state)
{
    struct stage *stage = *state;
    start(stage, 80, 24);
    terminal_press(stage->terminal, "G");
    stage_press(stage, KEY_ENTER_SENT, "Docker context: staging");
    stage_see(stage, "docker: not reachable");
    stage_press(stage, "C", "staging *");
    terminal_press(stage->terminal, "Gkk"); /* docker's own stands first among them */
    stage_see(stage, "context default, at unix://");
    stage_press(stage, KEY_ENTER_SENT, "Docker context: default");
    stage_see(stage, "5 records");
    stage_quit(stage, "q");
}

/* A context of no known kind, a click, and the way back: nothing is chosen. */
static void test_esc_chooses_nothing(void **state)
{
    struct stage *stage = *state;
    start(stage, 80, 24);
    terminal_press(stage->terminal, "G");
    stage_press(stage, KEY_ESCAPE_SENT, "Tab pane");
    stage_see_gone(stage, "Builders and contexts");
    stage_see(stage, "5 records");
    stage_quit(stage, "q");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, open_places, stage_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_looks),
        CASE(test_a_node_leads_to_its_builder),
        CASE(test_a_context_is_gone_to_and_left_again),
        CASE(test_esc_chooses_nothing),
    };
    limit_program(300);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
