/* SPDX-License-Identifier: MIT */
#include "module.h"
