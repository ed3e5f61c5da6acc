import { QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { createFeed } from '../api/feed.ts'
import { createQueryClient } from '../api/queries.ts'
import { Boundary } from '../parts/boundary.tsx'
import { App } from './app.tsx'
import './styles.css'

const root = document.getElementById('root')
if (!root) throw new Error('index.html has no place for the page')

createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={createQueryClient()}>
      <Boundary of="app">
        <App feed={createFeed('/events')} />
      </Boundary>
    </QueryClientProvider>
  </StrictMode>,
)
