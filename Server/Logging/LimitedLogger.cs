using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace OrleansTempo.Server.Logging;

/// <summary>
/// Lets one warning or error of a kind through each second, and the next one says how many were left out. A kind is an event and the type of its
/// exception: nothing that a client chooses, so there are few.
/// </summary>
internal sealed class LimitedLogger(ILogger inner, TimeProvider time) : ILogger
{
    private static readonly TimeSpan s_between = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<(EventId Event, Type? Exception), Kind> _kinds = new();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => inner.BeginScope(state);

    public bool IsEnabled(LogLevel logLevel) => inner.IsEnabled(logLevel);

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (logLevel < LogLevel.Warning)
        {
            inner.Log(logLevel, eventId, state, exception, formatter);
            return;
        }

        if (!IsEnabled(logLevel) || !_kinds.GetOrAdd((eventId, exception?.GetType()), static _ => new()).TryPass(time.GetTimestamp(), time, out var leftOut))
            return;
        inner.Log(logLevel, eventId, state, exception, leftOut == 0 ? formatter : (s, e) => $"{formatter(s, e)} (and {leftOut} more like it since the last such line)");
    }

    private sealed class Kind
    {
        private readonly Lock _lock = new();
        private long? _written;
        private long _leftOut;

        public bool TryPass(long now, TimeProvider time, out long leftOut)
        {
            lock (_lock)
            {
                leftOut = _leftOut;
                if (_written is { } written && time.GetElapsedTime(written, now) < s_between)
                {
                    _leftOut++;
                    return false;
                }

                _written = now;
                _leftOut = 0;
                return true;
            }
        }
    }
}
