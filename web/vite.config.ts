import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

/** What the server answers; everything else is the page. `/predict` covers `/predictions` and `/predict/batch` too. */
const API = [
  '/predict',
  '/explain',
  '/feedback',
  '/models',
  '/stats',
  '/events',
  '/session',
  '/health',
  '/metrics',
  '/docs',
  '/openapi.json',
  '/v1',
]

export default defineConfig({
  plugins: [react(), tailwindcss()],
  build: {
    target: 'es2023',
    // All of these know light-dark() and color-mix(), which the theme is made of.
    cssTarget: ['chrome125', 'firefox128', 'safari17.5'],
    // The page lives under `default-src 'self'`, which forbids data: addresses and inline scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: {
    proxy: Object.fromEntries(API.map((path) => [path, { target: 'http://localhost:8000', changeOrigin: false }])),
  },
})
