#include "core/cache/processes.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The kernel gives the machine's own process namespace this number
 * (PROC_PID_INIT_INO in include/linux/proc_ns.h). */
#define FIRST_NAMESPACE "pid:[4026531836]"

const char *processes_path(void)
{
    const char *path = getenv("BILGE_PROC");
    return path != NULL ? path : "/proc";
}

static bool is_there(const char *name, int mode)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", processes_path(), name);
    return access(path, mode) == 0;
}

/* A kernel without namespaces has the one list. */
static bool in_first_namespace(void)
{
    char path[PATH_MAX], name[64];
    snprintf(path, sizeof path, "%s/self/ns/pid", processes_path());
    ssize_t len = readlink(path, name, sizeof name - 1);
    if (len < 0)
        return true;
    name[len] = '\0';
    return strcmp(name, FIRST_NAMESPACE) == 0;
}

bool processes_all_seen(void)
{
    if (!is_there("self", F_OK)) /* it is no list of Linux */
        return true;
    return in_first_namespace() && is_there("1/cmdline", R_OK);
}
