using Microsoft.AspNetCore.Http;

namespace OrleansTempo.Server.Hosting;

/// <summary>One request in Kestrel's hands; Kestrel keeps it with the connection and gives it again for the next request.</summary>
internal sealed class ListenerContext
{
    public DefaultHttpContext Http { get; } = new();

    public IListenerFeature? Listener { get; set; }
}
