import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

export default defineConfig(
  { ignores: ['lib/'] },
  js.configs.recommended,
  {
    files: ['src/**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: {
        project: ['./tsconfig.json', './src/__tests__/tsconfig.json'],
        tsconfigRootDir: import.meta.dirname
      }
    },
    rules: {
      eqeqeq: 'error',
      // Lumino's signals take a method and its object apart.
      '@typescript-eslint/unbound-method': 'off',
      // Numbers are written into texts everywhere here.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }]
    }
  },
  {
    files: ['src/**/__tests__/*.ts'],
    // node:test's own functions return promises that its runner awaits.
    rules: { '@typescript-eslint/no-floating-promises': 'off' }
  }
);
