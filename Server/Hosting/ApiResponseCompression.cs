using System.IO.Compression;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.ResponseCompression;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace OrleansTempo.Server.Hosting;

/// <summary>Compresses responses of the HTTP API with gzip for clients that accept it, as Tempo does; not tiny ones, and none of the receivers.</summary>
internal sealed class ApiResponseCompression(IServiceProvider services, IOptions<ResponseCompressionOptions> options) : ResponseCompressionProvider(services, options)
{
    // A smaller response fits into a packet or two without compression.
    private const int MinBytes = 1024;

    private static readonly string[] s_types = ["application/json", "application/protobuf", "application/openmetrics-text", "text/plain"];

    public static void AddTo(IServiceCollection services)
    {
        services.Configure<GzipCompressionProviderOptions>(static gzip => gzip.Level = CompressionLevel.Fastest);
        services.Configure<ResponseCompressionOptions>(static compression =>
        {
            // A response only contains the tenant's own data, and no secret of the server that an attacker could guess from its size.
            compression.EnableForHttps = true;
            compression.MimeTypes = s_types;
            compression.Providers.Add<GzipCompressionProvider>();
        });
        services.AddSingleton<IResponseCompressionProvider, ApiResponseCompression>();
    }

    public static RequestDelegate Around(RequestDelegate handler, IServiceProvider services) =>
        new ResponseCompressionMiddleware(handler, services.GetRequiredService<IResponseCompressionProvider>()).Invoke;

    public override bool ShouldCompressResponse(HttpContext context) => !(context.Response.ContentLength < MinBytes) && base.ShouldCompressResponse(context);
}
