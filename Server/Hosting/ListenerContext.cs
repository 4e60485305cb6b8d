using Microsoft.AspNetCore.Http;

namespace OrleansTempo.Server.Hosting;

/// <summary>The context of a request; Kestrel keeps it with the connection, and reuses it for the next request.</summary>
internal sealed class ListenerContext
{
    public DefaultHttpContext Http { get; } = new();

    public IListenerFeature? Listener { get; set; }
}
