/* A temporary directory, open. */
#ifndef BILGE_TESTS_UNIT_FS_KIT_H
#define BILGE_TESTS_UNIT_FS_KIT_H

struct fs_place {
    char *path;
    int fd;
};

/* cmocka's fixtures: *state is a place. */
int fs_place_setup(void **state);
int fs_place_teardown(void **state);

#endif
