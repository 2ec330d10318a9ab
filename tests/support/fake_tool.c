#include "tests/support/fake_tool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "tests/support/tempdir.h"

static char *old_path;

void fake_tool(const char *dir, const char *name, const char *body)
{
    char *text = mem_printf("#!/bin/sh\nPATH=/usr/bin:/bin\n%s\n", body);
    file_write_text(dir, name, text);
    free(text);
    char *path = path_join(dir, name);
    assert_int_equal(chmod(path, 0755), 0);
    free(path);
}

void fake_path_set(const char *dir)
{
    free(old_path);
    old_path = mem_strdup(getenv("PATH"));
    setenv("PATH", dir, 1);
}

void fake_path_restore(void)
{
    if (old_path != NULL)
        setenv("PATH", old_path, 1);
    free(old_path);
    old_path = NULL;
}
