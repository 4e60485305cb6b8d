using Microsoft.Extensions.Logging;

namespace OrleansTempo.Server.Logging;

/// <summary>Loggers for what any client can cause: of warnings and errors each kind is written once a second at most, see <see cref="LimitedLogger"/>.</summary>
/// <param name="inner">Writes what is left; stays its owner's.</param>
internal sealed class LimitedLoggerFactory(ILoggerFactory inner, TimeProvider time) : ILoggerFactory
{
    public ILogger CreateLogger(string categoryName) => new LimitedLogger(inner.CreateLogger(categoryName), time);

    public void AddProvider(ILoggerProvider provider) => inner.AddProvider(provider);

    public void Dispose()
    {
    }
}
