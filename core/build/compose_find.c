#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/build/compose.h"

#define ENV_MAX_BYTES (1 << 20)

/* compose-spec: the names that compose looks for; an override file alone is
 * not enough. */
static bool holds_compose_file(const char *directory)
{
    static const char *const names[] = {"compose.yaml", "compose.yml", "docker-compose.yaml",
                                        "docker-compose.yml"};
    bool found = false;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && !found; i++) {
        char *path = mem_printf("%s/%s", directory, names[i]);
        found = access(path, F_OK) == 0;
        free(path);
    }
    return found;
}

static bool env_names_a_file(const char *directory)
{
    struct buf text = {0};
    int fd;
    if (fs_open_root(directory, &fd, NULL) < 0)
        return false;
    /* One that is too large, or a link, is compose's to read. */
    int code = fs_read_file(fd, ".env", ENV_MAX_BYTES, &text, NULL);
    bool named = code == 0 ? strstr(text.data, "COMPOSE_FILE") != NULL
                           : code == ERR_LIMIT || code == ERR_FOREIGN;
    buf_done(&text);
    close(fd);
    return named;
}

bool compose_in_sight(const char *directory)
{
    const char *named = getenv("COMPOSE_FILE");
    if ((named != NULL && named[0] != '\0') || env_names_a_file(directory))
        return true;
    char *path = mem_strdup(directory);
    bool found = holds_compose_file(path);
    for (char *slash = strrchr(path, '/'); !found && slash != NULL; slash = strrchr(path, '/')) {
        *slash = '\0';
        found = holds_compose_file(path);
    }
    free(path);
    return found;
}
