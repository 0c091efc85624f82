/** Of the three programs, which are released together: the version in package.json; a test keeps the two equal. */
export const programVersion = '0.1.0';
