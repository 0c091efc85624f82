/**
 * Names the version of the three programs, which are released together: the one in package.json. A test keeps the two
 * equal.
 */
export const programVersion = '0.2.0';
