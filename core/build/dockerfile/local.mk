libbilge_a_SOURCES += \
	core/build/dockerfile/dockerfile.c core/build/dockerfile/dockerfile.h \
	core/build/dockerfile/dockerfile_lines.c core/build/dockerfile/dockerfile_lines.h \
	core/build/dockerfile/recipe.c core/build/dockerfile/recipe.h \
	core/build/dockerfile/recipe_reader.h \
	core/build/dockerfile/recipe_stages.c \
	core/build/dockerfile/recipe_steps.c \
	core/build/dockerfile/recipe_vars.c core/build/dockerfile/recipe_vars.h
