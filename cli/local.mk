bilge_SOURCES += cli/main.c
