/* SPDX-License-Identifier: MIT */
/* depot_module: something with an address, which test_depot loads and unloads. Built twice, with two build-ids. */
__attribute__((visibility("default"))) int depot_module_call(int x);

int depot_module_call(int x)
{
    return x + 1;
}
