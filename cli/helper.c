#include "cli/helper.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/path.h"

/* "make install" puts helpers into pkglibexecdir. With DESTDIR, the path of this program
 * begins with it, so the path of a helper must, too. */
static char *installed_place(const char *directory)
{
    size_t len = strlen(directory), tail = strlen(BINDIR);
    bool staged = len >= tail && strcmp(directory + len - tail, BINDIR) == 0;
    return mem_printf("%.*s%s", staged ? (int)(len - tail) : 0, directory, PKGLIBEXECDIR);
}

enum exit_code helper_run(const char *name, char **argv)
{
    char self[PATH_MAX];
    size_t len = sizeof self;
    int code = uv_exepath(self, &len);
    if (code < 0) {
        complain("finding this program: %s", err_reason(code));
        return EXIT_FAILED;
    }
    char *places[2] = {path_parent(self)};
    places[1] = installed_place(places[0]);
    code = -ENOENT;
    for (int i = 0; i < 2 && code == -ENOENT; i++) {
        char *path = mem_printf("%s/bilge-%s", places[i], name);
        execv(path, argv);
        code = -errno;
        if (code != -ENOENT)
            complain("starting %s: %s", path, err_reason(code));
        free(path);
    }
    if (code == -ENOENT)
        complain("%s needs the program bilge-%s, which is neither in %s nor in %s", name, name,
                 places[1], places[0]);
    free(places[0]);
    free(places[1]);
    return EXIT_FAILED;
}
