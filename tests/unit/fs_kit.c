#include "tests/unit/fs_kit.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/base/mem.h"
#include "tests/support/tempdir.h"

int fs_place_setup(void **state)
{
    struct fs_place *place = mem_zalloc(sizeof *place);
    place->path = tempdir_new();
    *state = place;
    return fs_open_root(place->path, &place->fd, NULL);
}

int fs_place_teardown(void **state)
{
    struct fs_place *place = *state;
    close(place->fd);
    tempdir_free(place->path);
    free(place);
    return 0;
}
