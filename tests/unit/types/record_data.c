/* SPDX-License-Identifier: MIT */
/* Three calls, of which the first two have the type that they allocate in their debug information, as clang 21 and
 * later write it, for DWARF 5 and for older versions. No compiler here does; so the information is made by hand, for code that never runs. */
__asm__(".text\n"
        ".globl record_code, record_typed, record_gnu, record_plain\n"
        "record_code:\n"
        "nop\n"
        "record_typed:\n"
        "nop\n"
        "record_gnu:\n"
        "nop\n"
        "record_plain:\n"
        "ret\n" /* not on into the next function, where the result's register may be an argument */
        "record_end:\n"

        ".section .debug_abbrev,\"\",%progbits\n"
        "record_abbreviations:\n"
        ".uleb128 1, 0x11\n" /* DW_TAG_compile_unit with children */
        ".byte 1\n"
        ".uleb128 0x03, 0x08\n" /* DW_AT_name, DW_FORM_string */
        ".uleb128 0x11, 0x01\n" /* DW_AT_low_pc, DW_FORM_addr */
        ".uleb128 0x12, 0x07\n" /* DW_AT_high_pc, DW_FORM_data8 */
        ".uleb128 0, 0\n"
        ".uleb128 2, 0x13\n" /* DW_TAG_structure_type */
        ".byte 0\n"
        ".uleb128 0x03, 0x08\n"
        ".uleb128 0x0b, 0x0b\n" /* DW_AT_byte_size, DW_FORM_data1 */
        ".uleb128 0, 0\n"
        ".uleb128 3, 0x2e\n" /* DW_TAG_subprogram with children */
        ".byte 1\n"
        ".uleb128 0x03, 0x08\n"
        ".uleb128 0x11, 0x01\n"
        ".uleb128 0x12, 0x07\n"
        ".uleb128 0, 0\n"
        ".uleb128 4, 0x48\n" /* DW_TAG_call_site */
        ".byte 0\n"
        ".uleb128 0x7d, 0x01\n"   /* DW_AT_call_return_pc */
        ".uleb128 0x3e0e, 0x13\n" /* DW_AT_LLVM_alloc_type, DW_FORM_ref4 */
        ".uleb128 0, 0\n"
        ".uleb128 5, 0x48\n"
        ".byte 0\n"
        ".uleb128 0x7d, 0x01\n"
        ".uleb128 0, 0\n"
        ".uleb128 6, 0x4109\n" /* DW_TAG_GNU_call_site */
        ".byte 0\n"
        ".uleb128 0x11, 0x01\n"
        ".uleb128 0x3e0e, 0x13\n"
        ".uleb128 0, 0\n"
        ".byte 0\n"

        ".section .debug_info,\"\",%progbits\n"
        "record_unit:\n"
        ".4byte record_unit_end - record_unit_start\n"
        "record_unit_start:\n"
        ".2byte 5\n" /* the version; DW_UT_compile, and bytes of an address */
        ".byte 1, 8\n"
        ".4byte record_abbreviations\n"
        ".uleb128 1\n"
        ".asciz \"record.c\"\n"
        ".8byte record_code, record_end - record_code\n"
        "record_struct:\n"
        ".uleb128 2\n"
        ".asciz \"record\"\n"
        ".byte 48\n"
        ".uleb128 3\n"
        ".asciz \"make\"\n"
        ".8byte record_code, record_end - record_code\n"
        ".uleb128 4\n"
        ".8byte record_typed\n"
        ".4byte record_struct - record_unit\n"
        ".uleb128 5\n"
        ".8byte record_plain\n"
        ".uleb128 6\n"
        ".8byte record_gnu\n"
        ".4byte record_struct - record_unit\n"
        ".byte 0, 0\n"
        "record_unit_end:\n"
        ".text\n");
