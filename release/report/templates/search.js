// Show only those lines of the logs that have a text.
(() => {
  const field = document.getElementById('log-search')
  if (!field) return
  const found = document.getElementById('log-found')
  const logs = [...document.querySelectorAll('.searched')].map((fold) => {
    const place = fold.querySelector('pre')
    return { fold, place, text: place.textContent, lines: null }
  })
  field.addEventListener('input', () => {
    const wanted = field.value.trim().toLowerCase()
    let count = 0
    for (const log of logs) {
      log.lines ??= log.text.split('\n')
      const shown = log.lines.filter((line) => line.toLowerCase().includes(wanted))
      log.place.textContent = shown.join('\n')
      log.fold.open = Boolean(wanted && shown.length)
      count += shown.length
    }
    found.textContent = wanted ? `${count} line${count === 1 ? '' : 's'}` : ''
  })
})()
