#include "core/builds/run/compose_tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/process.h"

#define OUTPUT_MAX_BYTES (64 * 1024)
#define DEADLINE_MS 20000

struct tool_search {
    uv_loop_t *loop;
    tool_done_cb *on_done;
    void *arg;
    struct tool tool;
    struct process_capture *capture;
};

const char *tool_name(const struct tool *tool)
{
    return tool->standalone ? "docker-compose" : "docker compose";
}

void tool_read_version(struct tool *tool, const char *text)
{
    text += strspn(text, " v");
    int len = (int)strcspn(text, " \r\n\t");
    if (sscanf(text, "%4d.%4d", &tool->major, &tool->minor) != 2) {
        tool->major = tool->minor = 0;
        return;
    }
    snprintf(tool->version, sizeof tool->version, "%.*s", len, text);
}

bool tool_knows_rawjson(const struct tool *tool)
{
    return tool->major > 2 || (tool->major == 2 && tool->minor >= 26);
}

static int ask(struct tool_search *search, struct err *err);

static void finish(struct tool_search *search, const struct tool *tool, const struct err *err)
{
    search->on_done(search->arg, tool, err);
    free(search);
}

static void on_version(void *arg, const struct process_result *result, const struct err *err)
{
    struct tool_search *search = arg;
    struct err missing;
    if (err == NULL && result->status == 0) {
        tool_read_version(&search->tool, result->out.data);
        finish(search, &search->tool, NULL);
        return;
    }
    if (err != NULL) {
        err_set(&missing, err->code, "%s version: %s", tool_name(&search->tool), err->text);
        finish(search, NULL, &missing);
        return;
    }
    if (!search->tool.standalone) {
        search->tool.standalone = true;
        if (ask(search, NULL) == 0)
            return;
    }
    err_set(&missing, ERR_UNSUPPORTED,
            "docker has no compose plugin, and there is no docker-compose: "
            "install docker-compose version 2");
    finish(search, NULL, &missing);
}

static int ask(struct tool_search *search, struct err *err)
{
    const char *const plugin[] = {"docker", "compose", "version", "--short", NULL};
    const char *const standalone[] = {"docker-compose", "version", "--short", NULL};
    struct process_spec spec = {
        .argv = search->tool.standalone ? standalone : plugin,
        .deadline_ms = DEADLINE_MS,
    };
    return process_capture(search->loop, &spec, OUTPUT_MAX_BYTES, on_version, search,
                           &search->capture, err);
}

int tool_find(uv_loop_t *loop, tool_done_cb *on_done, void *arg, struct tool_search **ret_search,
              struct err *err)
{
    struct tool_search *search = mem_zalloc(sizeof *search);
    search->loop = loop;
    search->on_done = on_done;
    search->arg = arg;
    int code = ask(search, err);
    if (code == -ENOENT) {
        search->tool.standalone = true;
        code = ask(search, NULL);
    }
    if (code < 0) {
        free(search);
        return code;
    }
    *ret_search = search;
    return 0;
}

void tool_find_cancel(struct tool_search *search)
{
    process_capture_cancel(search->capture);
    free(search);
}
