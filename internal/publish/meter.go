package publish

import (
	"sync"
	"time"

	"github.com/car-publish/car-publish/internal/record"
)

// meter turns the upload's byte counts into progress with the rate of the
// last seconds. It may be called from many goroutines, and often.
type meter struct {
	emit  func(record.Event)
	total int64 // bytes

	mu      sync.Mutex
	told    time.Time
	samples []sample // of the last window, oldest first
}

type sample struct {
	at   time.Time
	done int64
}

const (
	meterWindow = 10 * time.Second
	meterPause  = 100 * time.Millisecond // between two events
)

func (m *meter) update(done int64) {
	m.measure(done, func(e record.Uploaded) record.Uploaded { return e })
}

// updateFolder is update for a folder, of which so many bytes were packed and sent.
func (m *meter) updateFolder(packed, sent int64) {
	m.measure(packed, func(e record.Uploaded) record.Uploaded {
		e.Sent = sent
		return e
	})
}

func (m *meter) measure(done int64, with func(record.Uploaded) record.Uploaded) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if now.Sub(m.told) < meterPause && done < m.total {
		return
	}
	m.told = now
	m.samples = append(m.samples, sample{now, done})
	for len(m.samples) > 2 && now.Sub(m.samples[0].at) > meterWindow {
		m.samples = m.samples[1:]
	}
	first := m.samples[0]
	event := record.Uploaded{Done: done, Total: m.total}
	if span := now.Sub(first.at).Seconds(); span > 0 && done > first.done {
		event.Rate = float64(done-first.done) / span
		event.Left = time.Duration(float64(m.total-done) / event.Rate * float64(time.Second))
	}
	m.emit(with(event))
}
