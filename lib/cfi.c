/* SPDX-License-Identifier: MIT */
#include "cfi.h"
