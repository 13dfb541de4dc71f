// What pytest-html lets a mouse click on, a keyboard can reach and press as well.
(() => {
  const places = '.sortable, .collapsible .col-result, .logexpander'
  const mark = () => {
    for (const place of document.querySelectorAll(places)) {
      place.tabIndex = 0
      if (place.matches('.sortable')) {
        const order = place.matches('.asc') ? 'ascending' : 'descending'
        if (place.matches('.asc, .desc')) place.setAttribute('aria-sort', order)
        else place.removeAttribute('aria-sort')
      } else if (place.matches('.logexpander')) {
        place.setAttribute('role', 'button')
        place.setAttribute('aria-label', 'Show all of the log, or less of it')
      } else {
        const name = place.parentElement.querySelector('.col-testId')?.textContent
        place.title = `${place.textContent}: show or hide the log of ${name}`
      }
    }
    for (const box of document.querySelectorAll('.filters input')) {
      box.setAttribute('aria-label', `Show: ${box.nextElementSibling?.textContent}`)
    }
  }
  const same = (place) => {
    const row = place.closest('[data-id]')
    if (row) return document.querySelector(`[data-id="${row.dataset.id}"] .col-result`)
    const column = place.dataset.columnType
    return column && document.querySelector(`.sortable[data-column-type="${column}"]`)
  }
  document.addEventListener('keydown', (event) => {
    const place = event.target
    if (!['Enter', ' '].includes(event.key) || !place.matches(places)) return
    event.preventDefault()
    place.click()
    mark()
    // The table is drawn anew: the focus goes on where it was.
    const there = place.isConnected ? place : same(place)
    there?.focus()
  })
  new MutationObserver(mark).observe(document.body, { childList: true })
  mark()
})()
